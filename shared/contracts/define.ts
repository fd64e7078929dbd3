// The functions by which this domain defines its contracts.
import { contractsOf } from './definition/contract.ts'

export const { event, timer, task, rpc } = contractsOf('orders', 'customerId')
