// An order that got stuck between payment and shipping, told by audit-service's own code.
import { moneyFormat, registry } from '@orders/shared/contracts'
import { impersonalData, maskedData } from '../../audit-service/personal/masked.ts'
import { sentenceOf } from '../../audit-service/sentences.ts'
import { storyOf } from '../../audit-service/story.ts'
import type { Told } from '../../audit-service/told.ts'

export const STUCK = 'stuck-7'
const BEGUN_MS = Date.now() - 600_000
const money = moneyFormat('en', 'EUR')

const said: [afterMs: number, type: string, data: object][] = [
  [
    0,
    'order.created',
    { user: 'gayal', contact: { email: 'gayal@example.com' }, lines: [{ sku: 'item1', quantity: 2 }] },
  ],
  [12, 'inventory.reserved', { user: 'gayal', lines: [{ sku: 'item1', quantity: 2 }], totalCents: 2000 }],
  [31, 'payment.success', { user: 'gayal', totalCents: 2000, chargeId: 'ch_1' }],
  [44, 'inventory.committed', {}],
  [45, 'order.paid', { user: 'gayal' }],
  [60, 'notification.requested/order.created', { notificationId: 'n-1', channels: ['email'] }],
  [2_200, 'notification.sent/order.created.email', { notificationId: 'n-1', channel: 'email', provider: 'smtp' }],
]

const told: Told[] = said.map(([afterMs, key, data]) => {
  const [type = ''] = key.split('/')
  const source = `/${type.split('.')[0]}-service`
  return { id: `${STUCK}/${key}`, type, subject: STUCK, source, time: new Date(BEGUN_MS + afterMs).toISOString(), data }
})

export const stuckStory = () => ({
  ...storyOf(STUCK, told, { now: new Date().toISOString(), gapAfterMs: 60_000, money }),
  conflicts: [],
  next: null,
})

/** The newest first, with what is personal in them. */
export const stuckWhole = () =>
  told
    .map((event, index) => {
      const dataschema = registry.contracts.get(event.type)?.dataschema
      return { ...event, sequence: index + 1, event: { ...event, dataschema } }
    })
    .toReversed()

/** As `GET /audit/events` gives them. */
export const stuckEvents = () =>
  stuckWhole().map(({ event, ...told }) => ({
    ...told,
    receivedAt: told.time,
    causationId: null,
    conflict: false,
    sentence: sentenceOf({ ...told, data: impersonalData(registry, event) }, money),
    event: { ...event, data: maskedData(registry, event) },
  }))

/** As `GET /audit/orders/:orderId/spans` gives them. */
export const stuckSpans = () => [
  spanOf('a', null, 'order', 'POST /orders', 0, 14),
  spanOf('b', 'a', 'order', 'commit', 3, 9),
  spanOf('c', 'a', 'inventory', 'process inventory.queue', 18, 11),
  spanOf('e', 'b', 'order', 'send order.exchange', 20, 2),
  spanOf('d', 'c', 'payment', 'process payment.queue', 33, 420, true),
]

function spanOf(
  id: string,
  parentId: string | null,
  service: string,
  name: string,
  at: number,
  durationMs: number,
  isFailed = false,
) {
  return {
    traceId: 't',
    id,
    parentId,
    service: `${service}-service`,
    name,
    startMs: BEGUN_MS + at,
    durationMs,
    isFailed,
  }
}
