// Nobody is said to be told by a channel that has no provider.
import { InventoryReserved } from '@orders/shared/contracts'
import { expect, it } from 'vitest'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const contact = {
  email: 'ann@example.org',
  phone: '+43 1 234 567',
  push: 'device-1',
  webhook: 'https://example.org/hook',
}
const words = { subject: 'Hi', body: 'There.' }

it('a request for a channel without a provider is refused, and nothing of it is kept', async () => {
  const { post, get, put, running } = await openServices({ isBare: true })
  for (const name of ['phone', 'push', 'webhook'] as const) {
    const answer = await post(
      '/notifications',
      { to: { [name]: contact[name] }, ...words },
      { 'idempotency-key': name },
    )
    expect(answer).toMatchObject({ status: 422, body: { code: 'channel_not_configured' } })
  }
  expect(await post('/notifications', { to: contact, ...words })).toMatchObject({
    status: 422,
    body: { detail: 'no provider is configured for sms and push and webhook' },
  })
  await put('/customers/ann', { addresses: { email: contact.email, phone: contact.phone } })
  expect(await post('/notifications', { to: { customerId: 'ann' }, channels: ['sms'], ...words })).toMatchObject({
    status: 422,
    body: { code: 'channel_not_configured' },
  })
  expect((await get('/notifications')).body.notifications).toEqual([])
  // What a customer has beside what can be reached is no fault of the request.
  const { body } = await post('/notifications', { to: { customerId: 'ann' }, ...words })
  expect(body.channels).toEqual(['email'])
  expect(running[0]?.lines.filter(({ standIns }) => standIns !== undefined)).toHaveLength(1)
})

it('news of an order by such channels are simulated, and the event says so', async () => {
  const { say, hear, get } = await openServices({ isBare: true })
  const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 1_050 }]
  await say(InventoryReserved.of('1', at, { user: 'ann', priority: 'standard', lines, totalCents: 1_050, contact }))
  for (const channel of ['email', 'sms', 'push', 'webhook'])
    expect((await hear(`1/notification.sent/order.created.${channel}`)).data).toMatchObject({ isStandIn: true })
  const { body } = await get('/notifications/1.order.created')
  expect(body.status).toBe('simulated')
  expect(new Set(body.deliveries.map(({ status }: { status: string }) => status))).toEqual(new Set(['simulated']))
  expect((await get('/notifications?status=sent')).body.notifications).toEqual([])
  expect((await get('/notifications?status=simulated')).body.notifications).toHaveLength(1)
})

it('what a provider takes is no stand-in', async () => {
  const { post, hear, get } = await openServices()
  const { id } = (await post('/notifications', { to: { phone: contact.phone }, ...words })).body
  expect((await hear(`${id}/notification.sent/direct.sms`)).data).not.toHaveProperty('isStandIn')
  expect((await get(`/notifications/${id}`)).body.status).toBe('sent')
})
