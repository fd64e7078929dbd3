// Every service of the list as its own folder defines it: `<noun>-service/service.ts`.
import { orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'

/** In the order of their ports. */
export const definitions: readonly ServiceDefinition[] = await Promise.all(orders.services.map(definitionOf))

/** @throws Error when the service's folder exports no definition of that name */
async function definitionOf(name: string): Promise<ServiceDefinition> {
  const module: object = await import(`../../${name}/service.ts`)
  const found = Object.values(module).find((one): one is ServiceDefinition => isDefinition(one) && one.name === name)
  if (!found) throw new Error(`${name}/service.ts exports no ServiceDefinition whose name is ${name}`)
  return found
}

function isDefinition(value: unknown): value is ServiceDefinition {
  return typeof value === 'object' && value !== null && 'wire' in value && 'name' in value
}
