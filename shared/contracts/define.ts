// How the contracts of this domain are defined.
import { contractsOf } from './definition/contract.ts'

export const { event, timer, task, rpc } = contractsOf('orders', 'customerId')
