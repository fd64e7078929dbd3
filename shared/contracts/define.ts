// How the contracts of this domain are defined.
import { contractsOf } from '../messaging/contract.ts'

export const { event, timer, task, rpc } = contractsOf('orders')
