// How many strangers' addresses an order's news reach: by one customer, and to one address.
import { InventoryReserved, OrderCancelled } from '@orders/shared/contracts'
import { expect, it } from 'vitest'
import { foreignIn, roomFor, withName } from '../../rules/contacts.ts'
import { openServices } from '../running.ts'

const HOUR_MS = 3_600_000
const at = '2026-11-21T08:30:00.000Z'
const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 1_050 }]
/** What `order.created` is told on. */
const created = (orderId: string, user: string, email?: string) =>
  InventoryReserved.of(orderId, at, {
    user,
    priority: 'standard',
    lines,
    totalCents: 1_050,
    ...(email !== undefined && { contact: { email } }),
  })

it('what was named has room at once; what is new has when the oldest that counts is an hour old', () => {
  const named = withName('b', withName('a', {}, 9, 1_000), 9, 2_000)
  expect(roomFor('a', named, 2, 3_000)).toBe(3_000)
  expect(roomFor('c', named, 3, 3_000)).toBe(3_000)
  expect(roomFor('c', named, 2, 3_000)).toBe(1_000 + HOUR_MS)
  expect(roomFor('c', named, 1, 3_000)).toBe(2_000 + HOUR_MS)
  expect(roomFor('c', named, 2, 1_000 + HOUR_MS)).toBe(1_000 + HOUR_MS)
  // A clock that was wrong by years keeps nobody waiting.
  expect(roomFor('c', named, 1, 9 * HOUR_MS)).toBe(9 * HOUR_MS)
  expect([roomFor('c', named, 0, 3_000), withName('c', named, 0, 3_000)]).toEqual([3_000, named])
})

it('what is known of the customer, or follows from the name, is no stranger’s', () => {
  const settings = { addressesPerCustomer: 1, ordersPerAddress: 1, defaultEmailDomain: 'example.com' }
  const rest = {
    id: '1.order.paid',
    subject: '1',
    eventType: 'order.paid',
    category: 'order',
    priority: 4,
    createdAt: at,
  }
  const heading = { ...rest, orderId: '1', customerId: 'ann', sendAt: null, expiresAt: null }
  const addresses = { email: 'ann@example.com', sms: '+43 1' }
  const customer = { id: 'ann', addresses: { phone: '+43 1' }, locale: null, timeZone: null, updatedAt: at }
  expect(foreignIn({ ...heading, addresses }, customer, settings)).toEqual([])
  expect(foreignIn({ ...heading, addresses }, undefined, settings)).toEqual(['sms'])
  expect(foreignIn({ ...heading, orderId: null, addresses }, undefined, settings)).toEqual([])
})

it('the orders of one customer tell so many strangers in an hour; others wait, and all are told in the end', async () => {
  const { say, hear, get, clock } = await openServices({ copies: 2, env: { CONTACT_ADDRESSES_PER_HOUR: '2' } })
  await say(created('1', 'eve', 'a@example.org'))
  await hear('1/notification.sent/order.created.email')
  await say(created('2', 'eve', 'b@example.org'))
  await hear('2/notification.sent/order.created.email')
  await say(created('3', 'eve', 'c@example.org'))
  const until = '2026-11-21T09:30:00.000Z'
  expect((await hear(`3/notification.held/order.created.email.${until}`)).data).toMatchObject({ reason: 'throttled' })
  // Urgent news are no exception.
  await say(
    OrderCancelled.of('4', at, {
      user: 'eve',
      priority: 'standard',
      lines: [],
      totalCents: 1,
      contact: { email: 'd@example.org' },
      reason: 'customer',
    }),
  )
  await hear(`4/notification.held/order.cancelled.email.${until}`)
  // Whom its orders told before, itself, and another customer's are not in question.
  await say(created('5', 'eve', 'a@example.org'))
  await say(created('6', 'eve'))
  await say(created('7', 'ann', 'c@example.org'))
  for (const orderId of ['5', '6', '7']) await hear(`${orderId}/notification.sent/order.created.email`)
  expect((await get('/notifications?status=held')).body.notifications).toHaveLength(2)
  clock.now = until
  await hear('3/notification.sent/order.created.email')
  await hear('4/notification.sent/order.cancelled.email')
})

it('one stranger is told of so many orders in an hour, whoever placed them', async () => {
  const { say, hear } = await openServices({ env: { CONTACT_ORDERS_PER_HOUR: '1' } })
  await say(created('1', 'eve', 'victim@example.org'))
  await hear('1/notification.sent/order.created.email')
  await say(created('2', 'mallory', 'Victim@example.org'))
  await hear('2/notification.held/order.created.email.2026-11-21T09:30:00.000Z')
})

it('a customer’s own address is no stranger’s, in whatever case it is written', async () => {
  const { put, say, hear } = await openServices({ env: { CONTACT_ORDERS_PER_HOUR: '1' } })
  await put('/customers/own', { addresses: { email: 'Own@b.test' } })
  for (const [orderId, email] of Object.entries({ 1: 'own@b.test', 2: 'OWN@B.test', 3: 'own@b.test' })) {
    await say(created(orderId, 'own', email))
    await hear(`${orderId}/notification.sent/order.created.email`)
  }
  await say(created('4', 'ann', 'Ann@example.com'))
  await hear('4/notification.sent/order.created.email')
  await say(created('5', 'ann', 'ann@EXAMPLE.com'))
  await hear('5/notification.sent/order.created.email')
})

it('an address that was typed as the customer’s name is a stranger’s, until it is known as that customer’s', async () => {
  const { put, say, hear } = await openServices({ env: { CONTACT_ORDERS_PER_HOUR: '1' } })
  const until = '2026-11-21T09:30:00.000Z'
  await say(created('1', 'Victim@Stranger.test'))
  await hear('1/notification.sent/order.created.email')
  for (const [orderId, user] of Object.entries({ 2: 'Victim@Stranger.test', 3: 'victim@stranger.test' })) {
    await say(created(orderId, user))
    await hear(`${orderId}/notification.held/order.created.email.${until}`)
  }
  await say(created('4', 'mallory', 'victim@stranger.test'))
  await hear(`4/notification.held/order.created.email.${until}`)
  await put('/customers/victim%40stranger.test', { addresses: { email: 'victim@stranger.test' } })
  await say(created('5', 'victim@stranger.test'))
  await hear('5/notification.sent/order.created.email')
})

it('a name that is an address is told in the one form of that address', async () => {
  const { post, say, hear, get } = await openServices()
  await post('/suppressions', { channel: 'email', address: 'ann@xn--mller-kva.example', reason: 'wanted' })
  await say(created('1', 'Ann@MÜLLER.example'))
  expect((await hear('1/notification.failed/order.created.email')).data.reason).toContain('suppressed')
  expect((await get('/notifications/1.order.created')).body.addresses).toEqual({ email: 'Ann@xn--mller-kva.example' })
})

it('an address that the service has made up is its customer’s, also where mails are only files', async () => {
  const { say, hear } = await openServices({ env: { CONTACT_ORDERS_PER_HOUR: '1', DEFAULT_EMAIL_DOMAIN: 'none' } })
  for (const orderId of ['1', '2']) {
    await say(created(orderId, 'ann'))
    await hear(`${orderId}/notification.sent/order.created.email`)
  }
})

it('SMS go to the countries that are listed, and beyond nobody is called', async () => {
  const { post, hear, providers } = await openServices({ env: { SMS_COUNTRIES: '+43,+49' } })
  const send = async (phone: string) =>
    (await post('/notifications', { to: { phone }, subject: 'Hi', body: 'There.' })).body.id
  const refused = await send('+882 13 300 655')
  expect((await hear(`${refused}/notification.failed/direct.sms`)).data).toMatchObject({
    reason: expect.stringMatching(/^country_not_served/),
  })
  expect(providers.asked).toEqual([])
  await hear(`${await send('+43 1 234 567')}/notification.sent/direct.sms`)
})
