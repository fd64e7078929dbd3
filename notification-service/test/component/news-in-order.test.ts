// What customers are told of an order is still true and comes in the order of the facts, also when it was held, deferred, gathered or
// sent again: by what a real mail server got.
import {
  InventoryReserved,
  OrderCancelled,
  OrderCompleted,
  OrderPaid,
  OrderShipped,
  PaymentRefunded,
} from '@orders/shared/contracts'
import type { Publication } from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const customer = { user: 'ann', priority: 'standard' as const, contact: { email: 'ann@example.org' } }
const order = { ...customer, lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }], totalCents: 1_000 }
const created = (orderId: string) => InventoryReserved.of(orderId, at, order)
const paid = (orderId: string) => OrderPaid.of(orderId, at, customer)
const shipped = (orderId: string) => OrderShipped.of(orderId, at, customer)
const completed = (orderId: string) => OrderCompleted.of(orderId, at, customer)
const cancelled = (orderId: string) => OrderCancelled.of(orderId, at, { ...customer, reason: 'address_not_served' })
const refunded = (orderId: string) =>
  PaymentRefunded.of(orderId, at, { ...customer, totalCents: 1_000, refundId: 're_1', reason: 'address_not_served' })

async function opened(env: Record<string, string> = {}) {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const services = await openServices({ env: { SMTP_URL: server.url, ...env } })
  const subjects = () => server.accepted.map(({ mail }) => mail.subject ?? '')
  const deliveryOf = async (id: string) => (await services.get(`/notifications/${id}`)).body.deliveries?.[0]
  return { ...services, server, subjects, deliveryOf }
}

const superseded = (by: string) => ({ status: 'superseded', supersededBy: by })

it('a mail that its server deferred is not sent any more once the order is cancelled, and that is shown and said', async () => {
  const { server, say, hear, hasten, get, subjects, deliveryOf, said } = await opened()
  server.refuse('recipient', 451)
  await say(paid('1'))
  await eventually('it was tried', async () => (await deliveryOf('1.order.paid'))?.attempts === 1)
  await say(cancelled('1'))
  await hear('1/notification.sent/order.cancelled.email')
  const event = await hear('1/notification.superseded/order.paid.email')
  expect(event.data).toEqual({ notificationId: '1.order.paid', channel: 'email', supersededBy: '1.order.cancelled' })
  await hasten()
  await eventually('nothing waits', async () => (await get('/retries')).body.retries.length === 0)
  expect(subjects()).toEqual(['Order 1 is cancelled'])
  expect(await deliveryOf('1.order.paid')).toMatchObject(superseded('1.order.cancelled'))
  expect((await get('/notifications?status=superseded')).body.notifications).toMatchObject([{ id: '1.order.paid' }])
  expect(said().filter((id) => id.includes('order.paid.email'))).toEqual(['1/notification.superseded/order.paid.email'])
})

it('what is heard after the cancellation is not asked for at all', async () => {
  const { say, hear, said, subjects } = await opened()
  await say(cancelled('1'))
  await hear('1/notification.sent/order.cancelled.email')
  for (const late of [created('1'), paid('1'), shipped('1')]) await say(late)
  for (const news of ['order.created', 'order.paid', 'order.shipped'])
    await hear(`1/notification.superseded/${news}.email`)
  expect(subjects()).toEqual(['Order 1 is cancelled'])
  expect(said().filter((id) => id.includes('requested'))).toEqual(['1/notification.requested/order.cancelled'])
})

it('what waits for the morning is dropped at once, and what is old by then too; the rest comes in its order', async () => {
  const quiet = { QUIET_HOURS: '08:00-09:00', TIME_ZONE: 'UTC' }
  const { say, hear, hastenUntil, clock, subjects, deliveryOf } = await opened(quiet)
  for (const one of [created('1'), paid('1'), created('2'), paid('2'), shipped('2'), completed('2')]) await say(one)
  await hear('2/notification.held/order.completed.email.2026-11-21T09:00:00.000Z')
  await say(cancelled('1'))
  await hear('1/notification.sent/order.cancelled.email')
  for (const news of ['order.created', 'order.paid'])
    expect(await deliveryOf(`1.${news}`)).toMatchObject(superseded('1.order.cancelled'))
  clock.now = '2026-11-21T09:00:00.000Z'
  await hastenUntil('2/notification.sent/order.completed.email')
  expect(await deliveryOf('2.order.paid')).toMatchObject(superseded('2.order.shipped'))
  expect(await deliveryOf('2.order.shipped')).toMatchObject(superseded('2.order.completed'))
  expect(subjects().map((subject) => subject.replace(/^We have your order/, 'Order'))).toEqual([
    'Order 1 is cancelled',
    'Order 2',
    expect.stringMatching(/^Order 2 /),
  ])
})

it('a dead letter that is sent again after the cancellation sends nothing', async () => {
  const { server, say, hear, broker, subjects, deliveryOf } = await opened()
  server.refuse('recipient', 554)
  await say(paid('1'))
  await hear('1/notification.failed/order.paid.email')
  const letter = await eventually('its dead letter is there', () => broker.messages('notification.email.dlq')[0])
  await say(cancelled('1'))
  await hear('1/notification.sent/order.cancelled.email')
  await broker.connect('test').publish({
    exchange: '',
    routingKey: 'notification.email.queue',
    body: Buffer.from(letter.body),
    properties: { ...letter.properties, headers: {} },
  } as Publication)
  await hear('1/notification.superseded/order.paid.email')
  expect(subjects()).toEqual(['Order 1 is cancelled'])
  expect(await deliveryOf('1.order.paid')).toMatchObject(superseded('1.order.cancelled'))
})

it('an urgent cancellation waits for the mail that is being sent at that moment', async () => {
  const { server, say, hear, hastenUntil, subjects, said } = await opened()
  const moment = deferred<void>()
  server.answerAfter(moment.promise)
  await say(paid('1'))
  await eventually('the server has it', () => subjects().length === 1 || undefined)
  await say(cancelled('1'))
  await hear('1/notification.requested/order.cancelled')
  // It would be there long before: the other order is heard, asked for and taken meanwhile.
  await say(cancelled('2'))
  await eventually('the other is told', () => subjects().includes('Order 2 is cancelled') || undefined)
  expect(subjects()).toEqual(['Order 1 is paid', 'Order 2 is cancelled'])
  moment.resolve()
  await hastenUntil('1/notification.sent/order.cancelled.email')
  expect(said().filter((id) => id.includes('superseded'))).toEqual([])
})

it('news that waits for earlier news longer than its patience lasts is said all the same: it was not tried yet', async () => {
  const { server, say, hear, hasten, hastenUntil, get, clock, subjects } = await opened({ MAIL_PATIENCE_MS: '10000' })
  const moment = deferred<void>()
  server.answerAfter(moment.promise)
  await say(created('1'))
  await eventually('the server has it', () => subjects().length === 1)
  await say(paid('1'))
  const waiting = async () => (await get('/retries')).body.retries[0]
  await eventually('the other waits', async () => (await waiting())?.code === 'earlier_news_first')
  clock.now = '2026-11-21T08:30:30.000Z'
  await hasten()
  await eventually('it waits on', async () => {
    const { attempts, dueAt } = (await waiting()) ?? {}
    return attempts === 0 && dueAt > clock.now
  })
  moment.resolve()
  await hear('1/notification.sent/order.created.email')
  await hastenUntil('1/notification.sent/order.paid.email')
  expect(subjects()).toEqual(['We have your order 1', 'Order 1 is paid'])
})

it('later news waits for the confirmation that its server defers, and a refund for the cancellation', async () => {
  const { server, say, hear, hasten, hastenUntil, get, subjects, deliveryOf } = await opened()
  server.refuse('recipient', 451)
  await say(created('1'))
  await eventually('it was tried', async () => (await deliveryOf('1.order.created'))?.attempts === 1)
  await say(paid('1'))
  await say(refunded('2'))
  await eventually('both wait', async () => {
    const codes = (await get('/retries')).body.retries.map(({ code }: { code: string }) => code)
    return codes.filter((code: string) => code === 'earlier_news_first').length === 2
  })
  expect(subjects()).toEqual([])
  await say(cancelled('2'))
  await hear('2/notification.sent/order.cancelled.email')
  await hasten()
  await hear('1/notification.sent/order.created.email')
  await hastenUntil('1/notification.sent/order.paid.email', '2/notification.sent/payment.refunded.email')
  const of = (orderId: string) => subjects().filter((subject) => subject.includes(`rder ${orderId}`))
  expect(of('1')).toEqual(['We have your order 1', 'Order 1 is paid'])
  expect(of('2')).toEqual(['Order 2 is cancelled', expect.stringContaining('refunded')])
})

it('a digest leaves out what is not true any more, when it is made and when it goes', async () => {
  const env = { DIGEST_CATEGORIES: 'order', DIGEST_SECONDS: '600', QUIET_HOURS: '08:35-09:00', TIME_ZONE: 'UTC' }
  const { say, hear, clock, server, subjects, deliveryOf } = await opened(env)
  for (const orderId of ['1', '2', '3', '4']) await say(created(orderId))
  await hear('4/notification.held/order.created.email.2026-11-21T08:40:00.000Z')
  await say(cancelled('1'))
  await hear('1/notification.sent/order.cancelled.email')
  clock.now = '2026-11-21T08:40:00.000Z'
  await hear('4/notification.digested/order.created.email')
  expect(await deliveryOf('1.order.created')).toMatchObject(superseded('1.order.cancelled'))
  await say(cancelled('2'))
  await hear('2/notification.sent/order.cancelled.email')
  clock.now = '2026-11-21T09:00:00.000Z'
  await hear('2/notification.superseded/order.created.email')
  expect(subjects().slice(0, 2)).toEqual(['Order 1 is cancelled', 'Order 2 is cancelled'])
  expect(subjects()).toHaveLength(3)
  const { text = '' } = server.accepted[2]?.mail ?? {}
  expect([1, 2, 3, 4].filter((orderId) => text.includes(`order ${orderId}`))).toEqual([3, 4])
  expect(await deliveryOf('3.order.created')).toMatchObject({ status: 'digested' })
})

it('a digest of later news waits for the one with earlier news that its server defers, and is not said before it', async () => {
  const env = { DIGEST_CATEGORIES: 'order', DIGEST_SECONDS: '600' }
  const { say, hear, hastenUntil, get, clock, server, subjects } = await opened(env)
  for (const orderId of ['1', '2']) await say(created(orderId))
  await hear('2/notification.held/order.created.email.2026-11-21T08:40:00.000Z')
  // Again when the second window ends.
  server.refuse('recipient', 451, 451)
  clock.now = '2026-11-21T08:40:00.000Z'
  const first = await hear('2/notification.digested/order.created.email')
  const codes = async () => (await get('/retries')).body.retries.map(({ code }: { code: string }) => code)
  await eventually('the digest is deferred', async () => (await codes()).length === 1)
  for (const orderId of ['1', '2']) await say(paid(orderId))
  await hear('2/notification.held/order.paid.email.2026-11-21T08:50:00.000Z')
  clock.now = '2026-11-21T08:50:00.000Z'
  const later = await hear('2/notification.digested/order.paid.email')
  await eventually('the later digest waits', async () => (await codes()).includes('earlier_news_first'))
  expect(subjects()).toEqual([])
  await hastenUntil(...[first, later].map(({ data }) => `${data.digestId}/notification.sent/digest.email`))
  expect(subjects()).toEqual(['We have your order 1 (and 1 more)', 'Order 1 is paid (and 1 more)'])
})
