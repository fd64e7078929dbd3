// What there is already, which a wish is judged by.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as contracts from '@orders/shared/contracts'
import { serviceConfigs } from '../generate/env-example.ts'

export interface Known {
  services: readonly string[]
  /** Of services, listed or not. */
  folders: ReadonlySet<string>
  /** By type, the name of each event's contract. */
  events: ReadonlyMap<string, string>
  /** Those whose routing key is more than their type: no queue hears them by it. */
  routedOtherwise: ReadonlySet<string>
  /** Every name that the contracts' door exports. */
  exported: ReadonlySet<string>
  /** The first words of exchanges, and the files that lie beside the contracts. */
  taken: ReadonlySet<string>
  /** What files of notification-service's providers and of their tests are called, without their endings. */
  providerFiles: ReadonlySet<string>
  /** What notification-service reads from the environment, by the names in its schema. */
  settings: readonly string[]
}

const ROOT = join(import.meta.dirname, '..', '..')

export function known(): Known {
  const { events, orders, services, topology } = contracts
  const names = new Map<unknown, string>(Object.entries(contracts).map(([name, value]) => [value, name]))
  const patterns = Object.values(orders.heard).flat()
  const files = readdirSync(join(ROOT, 'shared', 'contracts')).map((name) => name.replace(/\.ts$/, ''))
  return {
    services,
    folders: new Set(readdirSync(ROOT).filter((name) => name.endsWith('-service'))),
    events: new Map([...events].map(([type, contract]) => [type, names.get(contract) ?? type])),
    routedOtherwise: new Set([...events.keys()].filter((type) => patterns.some((one) => one.startsWith(`${type}.`)))),
    exported: new Set(names.values()),
    taken: new Set([...topology.exchanges.map(({ name }) => name.replace(/[.-].*/, '')), ...files]),
    providerFiles: new Set(
      ['channels', 'test', 'test/component'].flatMap((folder) =>
        readdirSync(join(ROOT, 'notification-service', folder)).map((name) => name.replace(/(\.test)?\.[a-z]+$/, '')),
      ),
    ),
    settings: Object.keys(serviceConfigs['notification-service']?.properties ?? {}),
  }
}
