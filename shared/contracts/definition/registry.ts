// What the kernel knows of a domain's messages.
import type { AnyContract, RpcContract } from './contract.ts'

/** All message types of a domain. */
export interface Registry {
  contracts: ReadonlyMap<string, AnyContract>
  rpcs: readonly Pick<RpcContract, 'type'>[]
  /** The CloudEvents sources whose unknown types and versions are kept for a newer version. */
  sources: ReadonlySet<string>
  /**
   * Text that long texts about customers have in common, at most 2 KiB each. Long texts are packed with the last dictionary
   * before they are encrypted. A stored text names its dictionary by position, so the list may only be appended to.
   */
  dictionaries?: readonly string[]
}
