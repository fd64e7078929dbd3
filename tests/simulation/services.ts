// The services, each as its own `service.ts` wires it, with the simulation's database, broker and outside world.
import { readConfig, type Wiring } from '@orders/shared/runtime'
import type { Heard } from '@orders/shared/testing'
import { AuditConfig } from '../../audit-service/config.ts'
import { signerOf } from '../../audit-service/proof/note.ts'
import { signingKey } from '../../audit-service/proof/signing-key.ts'
import { auditService } from '../../audit-service/service.ts'
import { defaultCatalogue } from '../../inventory-service/catalogue.ts'
import { InventoryConfig } from '../../inventory-service/config.ts'
import { inventoryService } from '../../inventory-service/service.ts'
import { callsIn } from '../../notification-service/channels/calls.ts'
import { claiming } from '../../notification-service/channels/sender.ts'
import { NotificationConfig } from '../../notification-service/config.ts'
import { courseOfOrders } from '../../notification-service/orders/course.ts'
import { wireWith as wireNotifications } from '../../notification-service/service.ts'
import { OrderConfig } from '../../order-service/config.ts'
import { orderService } from '../../order-service/service.ts'
import { keptSecret } from '../../order-service/store.ts'
import { PaymentConfig } from '../../payment-service/config.ts'
import { answerers, deadlines, handlers as paymentHandlers } from '../../payment-service/handlers.ts'
import { definitions } from '../../scripts/services/definitions.ts'
import { ShippingConfig } from '../../shipping-service/config.ts'
import { arrivals, handlers as shippingHandlers } from '../../shipping-service/handlers.ts'
import type { Reach } from './outside.ts'

export interface Service {
  name: string
  folder: string
  wire(wiring: Wiring<object>, outside: Reach): Heard | Promise<Heard>
}

/** Enough that no order of the mixture finds a shelf empty that is not meant to be. */
const STOCK = 1_000_000_000
const CONFIRM_WITHIN_MS = 60_000
const PAYMENT_PATIENCE_MS = '30000'
const MAIL_PATIENCE_MS = '60000'
const REMINDERS_AFTER_MS = '20000,40000'

/** How many there are of each SKU before the first order. */
export const initialStock: ReadonlyMap<string, number> = new Map(
  defaultCatalogue(STOCK).map(({ sku, available }) => [sku, available]),
)

const AUDIT_SIGNING_KEY = Buffer.from('302e020100300506032b657004220420'.padEnd(96, '61'), 'hex').toString('base64')

/** Frozen, and read once for all the starts there are: a start is what a simulation has most of. */
const configs = {
  // No order is of a version that encrypted nothing: none is looked for.
  order: readConfig(OrderConfig, { ENCRYPT_PERSONAL: 'false' }),
  inventory: readConfig(InventoryConfig, { STOCK_INITIAL_QUANTITY: String(STOCK) }),
  payment: readConfig(PaymentConfig, { PAYMENT_CONFIRM_WITHIN_MS: String(CONFIRM_WITHIN_MS), PAYMENT_PATIENCE_MS }),
  shipping: readConfig(ShippingConfig, { SHIPPING_PATIENCE_MS: PAYMENT_PATIENCE_MS }),
  notification: readConfig(NotificationConfig, {
    // Its few customers name the same addresses again and again.
    CONTACT_ADDRESSES_PER_HOUR: '0',
    CONTACT_ORDERS_PER_HOUR: '0',
    REMINDERS_AFTER_MS,
    RELEASE_POLL_MS: '5000',
    MAIL_PATIENCE_MS,
    CHANNEL_PATIENCE_MS: MAIL_PATIENCE_MS,
  }),
  // No file is looked at, and the checkpoints are the same in every run.
  audit: readConfig(AuditConfig, { AUDIT_SIGNING_KEY, AUDIT_CHECK_MS: '60000' }),
}

/** Who signs the audit's checkpoints. */
export const auditSigner = signerOf(configs.audit.auditOrigin, signingKey(AUDIT_SIGNING_KEY, ''))

/** Those that are given settings, or another outside world than their own. */
const ownWays: Record<string, Service['wire']> = {
  async 'order-service'(wiring) {
    // The same in every run: it is in the customers' pseudonyms, and so in what is said.
    await keptSecret(wiring.database, 'customers', () => 'c2ltdWxhdGVk')
    return orderService.wire({ ...wiring, config: configs.order })
  },
  'inventory-service': (wiring) => inventoryService.wire({ ...wiring, config: configs.inventory }),
  'payment-service'(_, { gateway }) {
    const { payment: config } = configs
    const terms = {
      confirmAboveCents: config.paymentConfirmAboveCents,
      confirmWithinMs: config.paymentConfirmWithinMs,
    }
    return {
      consumers: [
        {
          queue: 'payment.queue',
          prefetch: 256,
          handlers: paymentHandlers(gateway, terms, config.paymentPatienceMs),
        },
      ],
      timers: [deadlines(config)],
      rpc: { queue: 'payment.rpc.queue', prefetch: 64, answerers },
    }
  },
  'shipping-service'(_, { carrier }) {
    const { shipping: config } = configs
    const terms = { transitMs: config.shippingTransitMs }
    return {
      consumers: [
        {
          queue: 'shipping.queue',
          prefetch: 256,
          handlers: shippingHandlers(carrier, terms, config.shippingPatienceMs),
        },
      ],
      timers: [arrivals(config)],
    }
  },
  'notification-service'(wiring, { sender }) {
    // No address is ever gone here.
    const proof = { answered: () => undefined, accepts: async () => true }
    const send = claiming(sender, {
      calls: callsIn(wiring.commit, { course: courseOfOrders, now: wiring.now }),
      now: wiring.now,
      proof,
    })
    const senders = { email: send, sms: send, push: send, webhook: send }
    return wireNotifications({ ...wiring, config: configs.notification }, senders, proof)
  },
  'audit-service': (wiring) => auditService.wire({ ...wiring, config: configs.audit }),
}

export const services: Service[] = definitions.map(({ name, folder, config, wire }) => {
  const settings = readConfig(config, {})
  return { name, folder, wire: ownWays[name] ?? ((wiring) => wire({ ...wiring, config: settings })) }
})
