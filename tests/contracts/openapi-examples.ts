// What is asked of the six services for the examples of their documents, in an order in which every answer is the same each time.

import { orders } from '@orders/shared/contracts'
import type { Example } from '@orders/shared/runtime'
import type { eventually } from '@orders/shared/testing'

export type { Example }

type Asked = Pick<Example, 'params' | 'query' | 'headers' | 'body'>
type Init = { headers: Record<string, string>; body?: string }

export interface Conversation {
  ask(service: string, method: string, path: string, init: Init): Promise<Response>
  placeOf(operationId: string, service: string): { method: string; path: string }
  eventually: typeof eventually
}

export async function converse(
  { ask, placeOf, eventually: wait }: Conversation,
  keep: (service: string, example: Example) => void,
): Promise<void> {
  async function answerTo(service: string, operationId: string, asked: Asked) {
    const { params = {}, query, headers, body } = asked
    const { method, path } = placeOf(operationId, service)
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
    const sent = {
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }
    const answer = await ask(service, method, `${filled}${query ? `?${new URLSearchParams(query)}` : ''}`, sent)
    const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
    const text = await answer.text()
    const shown: unknown = type.endsWith('json') ? JSON.parse(text) : text
    return { etag: answer.headers.get('etag') ?? '', status: answer.status, type, answer: shown }
  }

  /** For one service: asks, and keeps what was asked and answered. */
  const talkTo =
    (service: string) =>
    async (operationId: string, name: string, asked: Asked = {}) => {
      const { etag, status, type, answer } = await answerTo(service, operationId, asked)
      keep(service, { operationId, name, ...asked, status, ...(type !== '' && { type, answer }) })
      return { etag, status }
    }
  const [order, inventory, payment, shipping, notification, audit] = [
    talkTo('order-service'),
    talkTo('inventory-service'),
    talkTo('payment-service'),
    talkTo('shipping-service'),
    talkTo('notification-service'),
    talkTo('audit-service'),
  ]
  const until = (service: string, operationId: string, asked: Asked, isThere: (answer: Answered) => boolean) =>
    wait(`${operationId} of ${service} shows it`, async () =>
      isThere((await answerTo(service, operationId, asked)).answer as Answered),
    )
  const ordered = (id: string, status: string) =>
    until('order-service', 'getOrder', { params: { id } }, (answer) => answer.status === status)

  const soldOut = { orderId: 'A-1' }
  await order('placeOrder', 'sold-out', { body: { ...soldOut, user: 'gayal', items: ['soldout'] } })
  await until(
    'audit-service',
    'getStory',
    { params: soldOut },
    ({ ended, gaps }) => ended !== null && gaps?.length === 0,
  )
  await audit('getStory', 'sold-out', { params: soldOut })
  await audit('getStory', 'sold-out-as-text', { params: soldOut, query: { format: 'text' } })
  await audit('getStory', 'unknown-order', { params: { orderId: 'A-9' } })
  await audit('listEvents', 'first-of-an-order', { query: { orderId: 'A-1', type: 'order.created', limit: '1' } })
  await until('audit-service', 'verifyLog', {}, ({ size, events }) => events !== undefined && size === events)
  await audit('verifyLog', 'whole')

  const two = { orderId: 'B-1', user: 'gayal', items: ['item1', { sku: 'item2', quantity: 2 }] }
  await order('placeOrder', 'two-kinds-of-goods', { body: two, headers: { 'idempotency-key': 'cart-17' } })
  await order('placeOrder', 'another-order-of-that-id', { body: { ...two, items: ['item3'] } })
  await order('placeOrder', 'other-body-under-that-key', {
    body: { ...two, orderId: 'B-2' },
    headers: { 'idempotency-key': 'cart-17' },
  })
  await order('placeOrder', 'faulty-fields', { body: { user: '', items: [], colour: 'red' } })
  await ordered('B-1', 'shipped')
  await order('getOrder', 'shipped', { params: { id: 'B-1' } })
  await order('getOrder', 'unknown-order', { params: { id: 'A-9' } })
  await order('getOrderPayment', 'paid', { params: { id: 'B-1' } })
  await order('cancelOrder', 'paid-already', { params: { id: 'B-1' } })
  await order('confirmOrderPayment', 'nothing-to-confirm', { params: { id: 'B-1' } })
  await payment('getPayment', 'paid', { params: { orderId: 'B-1' } })
  await payment('refundAgain', 'nothing-given-up', { params: { orderId: 'B-1' } })
  await payment('getPayment', 'unknown-order', { params: { orderId: 'A-9' } })
  await shipping('getShipment', 'on-its-way', { params: { orderId: 'B-1' } })
  await shipping('markDelivered', 'arrived', { params: { orderId: 'B-1' } })
  await shipping('getShipment', 'unknown-order', { params: { orderId: 'A-9' } })
  await ordered('B-1', 'completed')
  await order('refundOrder', 'one-line', {
    params: { id: 'B-1' },
    headers: { 'idempotency-key': 'refund-1' },
    body: { lines: [{ sku: 'item1', quantity: 1 }], reason: 'arrived broken' },
  })

  const dear = { user: 'mila', items: [{ sku: 'item10', quantity: 11 }] }
  await order('placeOrder', 'dear', { body: { orderId: 'C-1', ...dear } })
  await ordered('C-1', 'awaiting_confirmation')
  await order('cancelOrder', 'before-it-is-paid', { params: { id: 'C-1' } })
  await order('placeOrder', 'dear-too', { body: { orderId: 'D-1', ...dear } })
  await ordered('D-1', 'awaiting_confirmation')
  await order('confirmOrderPayment', 'confirmed', { params: { id: 'D-1' } })

  await inventory('listCatalogue', 'first-page', { query: { limit: '2' } })
  await inventory('listStock', 'a-page', { query: { after: 'item8', limit: '1' } })
  const { etag } = await inventory('getStock', 'untouched', { params: { sku: 'item9' } })
  await inventory('getStock', 'unknown-sku', { params: { sku: 'item99' } })
  const counted = { params: { sku: 'item9' }, body: { available: 40 } }
  await inventory('setStock', 'counted', { ...counted, headers: { 'if-match': etag } })
  await inventory('setStock', 'changed-since', { ...counted, headers: { 'if-match': etag } })
  await inventory('setStock', 'no-condition', counted)
  const broken = { params: { sku: 'item9' }, headers: { 'idempotency-key': 'broken-3' } }
  await inventory('adjustStock', 'three-broken', { ...broken, body: { difference: -3, reason: 'broken in the shelf' } })
  await inventory('adjustStock', 'another-under-that-key', { ...broken, body: { difference: -4, reason: 'lost' } })

  const customer = { params: { id: 'gayal' } }
  await notification('getCustomer', 'unknown-customer', customer)
  await notification('putCustomer', 'by-mail', {
    ...customer,
    body: { addresses: { email: 'gayal@example.com' }, locale: 'de-AT', timeZone: 'Europe/Vienna' },
  })
  await notification('getCustomer', 'by-mail', customer)
  await notification('putPreferences', 'quiet-nights', {
    ...customer,
    body: { quietHours: '22:00-08:00', categories: { news: { email: false } } },
  })
  await notification('getPreferences', 'quiet-nights', customer)
  await notification('sendNotifications', 'no-such-channel', {
    body: { to: { phone: '+43 660 1234567' }, subject: 'Hello', body: 'Your parcel is here.' },
  })
  await notification('sendNotifications', 'at-a-later-time', {
    body: {
      to: { webhook: 'https://shop.example.com/told' },
      subject: 'Tomorrow',
      body: 'We open at nine.',
      sendAt: '2026-11-30T08:00:00.000Z',
    },
  })
  await notification('getNotification', 'unknown-notification', { params: { id: 'A-9.order.paid' } })
  await notification('previewTemplate', 'unknown-template', { params: { name: 'order.lost' }, body: {} })
  const address = { params: { address: 'bounced@example.com' } }
  await notification('addSuppression', 'bounced', {
    body: { channel: 'email', address: 'bounced@example.com', reason: 'bounced' },
  })
  await notification('listSuppressions', 'one', { query: { limit: '10' } })
  await notification('removeSuppression', 'reachable-again', address)
  await notification('removeSuppression', 'not-on-the-list', address)
  await notification('listSuppressionStops', 'none')
  await notification('deriveWebhookSecrets', 'of-one-url', { body: { url: 'https://shop.example.com/told' } })
  await notification('takeMailgunReport', 'not-configured', { body: {} })

  for (const talk of [order, inventory, payment, shipping, notification, audit]) {
    await talk('listRetries', 'nothing-waits')
    await talk('hastenRetry', 'unknown-retry', { params: { id: '0'.repeat(32) } })
  }
  const unpayable = { orderId: 'E-1', user: 'mila', items: ['item3'], paymentMethod: 'tok_gateway_down' }
  await order('placeOrder', 'with-a-payment-method', { body: unpayable })
  await until('payment-service', 'listRetries', {}, ({ retries }) => retries?.length === 1)
  await payment('listRetries', 'gateway-away', { query: { subject: 'E-1' } })
  const ofPayment = { service: 'payment-service' }
  await audit('listRetriesOf', 'gateway-away', { params: ofPayment, query: { subject: 'E-1' } })
  await audit('rehearseFailure', 'unknown-failure', { params: { id: '0'.repeat(32) } })
  const look = { operator: 'ann', reason: 'she asks where it is' }
  await audit('lookAtEvent', 'unknown-event', { params: { sequence: '999999' }, body: look })
  await audit('lookAtFailure', 'unknown-failure', { params: { id: '0'.repeat(32) }, body: look })
  await audit('listQueues', 'not-asked')
  await audit('hastenRetryOf', 'unknown-retry', {
    params: { ...ofPayment, id: '0'.repeat(32) },
    body: { operator: 'ann', reason: 'the gateway is back' },
  })

  const rosa = { params: { id: 'rosa' } }
  await order('forgetCustomer', 'unknown-customer', { params: { id: `cus_${'a'.repeat(26)}` } })
  await order('placeOrder', 'rosa', { body: { orderId: 'F-1', user: 'rosa', items: ['soldout'] } })
  await ordered('F-1', 'cancelled')
  await order('forgetCustomer', 'asked', rosa)
  // The clock stands: what waits to be tried again waits for us.
  await wait('rosa is forgotten by all services', async () => {
    for (const service of orders.services) {
      const { retries = [] } = (await answerTo(service, 'listRetries', {})).answer as { retries?: { id: string }[] }
      for (const { id } of retries) await answerTo(service, 'hastenRetry', { params: { id } })
    }
    return ((await answerTo('order-service', 'getForgetting', rosa)).answer as Answered).completedAt !== null
  })
  await order('getForgetting', 'forgotten', rosa)
  await order('exportCustomer', 'without-a-reason', { ...rosa, query: { operator: 'ann' } })
}

interface Answered {
  completedAt?: string | null
  size?: number
  events?: unknown
  status?: string
  ended?: string | null
  gaps?: unknown[]
  retries?: unknown[]
}

/** What is another each time stands as one that it could be. */
const CHANGING: [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '019ad5c2-7c00-7000-8000-0123456789ab'],
  [/\bcus_[a-z0-9]{26}\b/g, 'cus_abcdefghijklmnopqrstuvwxyz'],
  [/(?<="id": ")[0-9a-f]{32}(?=")/g, '0123456789abcdef'.repeat(2)],
  [/(?<="dueAt": ")[^"]+(?=")/g, '2026-11-29T12:00:02.000Z'],
  [/(?<="traceId": ")[0-9a-f]{32}(?=")/g, 'a1b2c3d4'.repeat(4)],
  [/(?<="hash": ")[0-9a-f]{64}(?=")/g, 'a1b2c3d4'.repeat(8)],
  // A root of the log's tree, and a signature below it.
  [/(?<=\\n|": ")[A-Za-z0-9+/]{43}=(?=\\n|")/g, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  [/(?<=audit )[A-Za-z0-9+/]{91}=(?=\\n")/g, 'iQjc1y'.padEnd(91, 'A').concat('=')],
]

/** Of one service, as its `examples.json` has them. */
export function spoken(examples: readonly Example[]): string {
  const text = `${JSON.stringify(examples, null, 2)}\n`
  return CHANGING.reduce((changed, [pattern, one]) => changed.replaceAll(pattern, one), text)
}
