// Every contract there is, by type.
import type { AnyContract, Registry } from './definition/contract.ts'
import * as inventory from './inventory.ts'
import {
  NotificationCancelled,
  NotificationDelivered,
  NotificationDigested,
  NotificationExpired,
  NotificationFailed,
  NotificationHeld,
  NotificationOptedOut,
  NotificationRequested,
  NotificationSent,
  NotificationUndelivered,
} from './notification.ts'
import * as order from './order.ts'
import * as payment from './payment.ts'
import { PaymentConfirm, PaymentGet } from './rpc.ts'
import { sources } from './services.ts'
import * as shipping from './shipping.ts'

/** Every event anybody may hear of, by type. */
export const events: ReadonlyMap<string, AnyContract> = byType([
  order.OrderCreated,
  order.OrderCancelRequested,
  order.OrderRefundRequested,
  order.OrderPaid,
  order.OrderShipped,
  order.OrderCompleted,
  order.OrderCancelled,
  inventory.InventoryReserved,
  inventory.InventoryOutOfStock,
  inventory.InventoryCommitted,
  inventory.InventoryReleased,
  inventory.InventoryReturned,
  inventory.InventoryRestocked,
  payment.PaymentSuccess,
  payment.PaymentFailed,
  payment.PaymentConfirmationRequired,
  payment.PaymentRefunded,
  payment.PaymentRefundRefused,
  shipping.ShippingPrepared,
  shipping.ShippingFailed,
  shipping.ShippingDelivered,
  NotificationRequested,
  NotificationSent,
  NotificationFailed,
  NotificationExpired,
  NotificationCancelled,
  NotificationOptedOut,
  NotificationHeld,
  NotificationDigested,
  NotificationDelivered,
  NotificationUndelivered,
])

/** Every message that a service sends only to itself. */
export const commands: ReadonlyMap<string, AnyContract> = byType([
  payment.PaymentDeadline,
  payment.PaymentCharge,
  payment.PaymentVoid,
  payment.PaymentRefund,
  shipping.ShippingTransit,
])

export const rpcs = [PaymentGet, PaymentConfirm] as const

/** All of it, for the kernel. */
export const registry: Registry = { contracts: new Map([...events, ...commands]), rpcs, sources }

function byType(contracts: AnyContract[]): ReadonlyMap<string, AnyContract> {
  return new Map(contracts.map((contract) => [contract.type, contract]))
}
