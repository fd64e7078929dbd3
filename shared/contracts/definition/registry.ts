// What the kernel knows of a domain's messages.
import type { AnyContract, RpcContract } from './contract.ts'

/** Everything that a domain's messages may be, by type. */
export interface Registry {
  contracts: ReadonlyMap<string, AnyContract>
  rpcs: readonly Pick<RpcContract, 'type'>[]
  /** The CloudEvents sources whose unknown types and versions are kept for a successor. */
  sources: ReadonlySet<string>
  /**
   * What long texts about customers have in common, each at most 2 KiB: they are packed with the last one before they are encrypted.
   * Stored texts name theirs by its place, so the list may only ever be appended to.
   */
  dictionaries?: readonly string[]
}
