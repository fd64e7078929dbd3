// Every contract there is, by type.
import type { AnyContract } from './definition/contract.ts'
import { keyContracts } from './definition/keys.ts'
import type { Registry } from './definition/registry.ts'
import { dictionaries } from './dictionaries.ts'
import { AuditHistory, AuditMarks, InventoryQuote, PaymentConfirm, PaymentGet } from './rpc.ts'
import { said } from './said.ts'
import { sources } from './services.ts'

/** Every event anybody may hear of, by type. */
export const events: ReadonlyMap<string, AnyContract> = byType(said.filter(({ exchange }) => exchange !== ''))

/** Every message that a service sends only to itself. */
export const commands: ReadonlyMap<string, AnyContract> = byType(said.filter(({ exchange }) => exchange === ''))

export const rpcs = [PaymentGet, PaymentConfirm, InventoryQuote, AuditMarks, AuditHistory] as const

/** All of it, for the kernel, and the kernel's own. */
export const registry: Registry = {
  contracts: new Map([...events, ...commands, ...byType(keyContracts)]),
  rpcs,
  sources,
  dictionaries,
}

function byType(contracts: AnyContract[]): ReadonlyMap<string, AnyContract> {
  return new Map(contracts.map((contract) => [contract.type, contract]))
}
