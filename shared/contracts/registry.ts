// Every contract of the domain, by type.
import type { AnyContract } from './definition/contract.ts'
import { keyContracts } from './definition/keys.ts'
import type { Registry } from './definition/registry.ts'
import { dictionaries } from './dictionaries.ts'
import { AuditHistory, AuditMarks, InventoryQuote, PaymentConfirm, PaymentGet } from './rpc.ts'
import { said } from './said.ts'
import { sources } from './services.ts'

/** Every event that the domain’s services publish, by type. */
export const events: ReadonlyMap<string, AnyContract> = byType(said.filter(({ exchange }) => exchange !== ''))

/** Every message that a service sends only to itself, by type. */
export const commands: ReadonlyMap<string, AnyContract> = byType(said.filter(({ exchange }) => exchange === ''))

export const rpcs = [PaymentGet, PaymentConfirm, InventoryQuote, AuditMarks, AuditHistory] as const

/** All contracts for the kernel, including the kernel's own. */
export const registry: Registry = {
  contracts: new Map([...events, ...commands, ...byType(keyContracts)]),
  rpcs,
  sources,
  dictionaries,
}

function byType(contracts: AnyContract[]): ReadonlyMap<string, AnyContract> {
  return new Map(contracts.map((contract) => [contract.type, contract]))
}
