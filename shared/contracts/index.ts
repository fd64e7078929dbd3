// The entry to the contracts: the schemas of everything that crosses the broker. Each belongs to its publisher.

export type {
  AnyContract,
  CommandContract,
  Contract,
  Message,
  Received,
  RpcContract,
} from './definition/contract.ts'
export { dictionaries } from './dictionaries.ts'
export { orders } from './domain.ts'
export { demandEmail, isEmail, mailDomainOf } from './mail-address.ts'
export * from './money.ts'
export * from './registry.ts'
export * from './rpc.ts'
export * from './said.ts'
export * from './services.ts'
export * from './shapes.ts'
export { clusterTopology, earlier, topology } from './topology.ts'
