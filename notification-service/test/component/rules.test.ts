// The rules in the service: what delays, merges or drops a message, in one copy or two, also when one of them is killed.
import { InventoryReserved, PaymentConfirmationRequired } from '@orders/shared/contracts'
import { eventually } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'
import { openServices } from '../running.ts'

type Opened = Awaited<ReturnType<typeof openServices>>

const minute = (count: number) => new Date(Date.parse('2026-11-21T08:30:00.000Z') + count * 60_000).toISOString()
const mail = { email: 'g@example.org' }
const news = (number: number, more: object = {}) => ({
  to: mail,
  subject: `News ${number}`,
  body: `It is news number ${number}.`,
  category: 'newsletter',
  ...more,
})

async function send({ post }: Opened, ...bodies: object[]): Promise<string[]> {
  const { status, body } = await post('/notifications', bodies)
  expect(status).toBe(207)
  return (body as { notification: { id: string } }[]).map(({ notification }) => notification.id)
}
const deliveryOf = async ({ get }: Opened, id: string) => (await get(`/notifications/${id}`)).body.deliveries?.[0]
const asked = ({ said }: Opened) => said().filter((id) => id.includes('/notification.requested/'))
const becomes = (opened: Opened, id: string, status: string) =>
  eventually(`${id} is ${status}`, async () => {
    const delivery = await deliveryOf(opened, id)
    return delivery?.status === status ? delivery : undefined
  })

describe('quiet hours', () => {
  it('hold until the customer’s own clock says that they are over; what is urgent goes', async () => {
    const opened = await openServices({ env: { QUIET_HOURS: '09:00-17:00', TIME_ZONE: 'Europe/Berlin' } })
    const { put, say, hear, hastenUntil, said, clock, mails } = opened
    await put('/customers/nepal', { addresses: mail, timeZone: 'Asia/Kathmandu' })
    await put('/customers/nepal/preferences', { quietHours: '14:00-14:20', categories: {} })
    await put('/customers/awake/preferences', { quietHours: null })
    const [berlin = '', nepal = '', urgent = '', awake = ''] = await send(
      opened,
      news(1, { to: { email: 'berlin@example.org' } }),
      news(2, { to: { customerId: 'nepal' } }),
      news(3, { priority: 'urgent' }),
      news(4, { to: { ...mail, customerId: 'nepal' }, category: 'other' }),
    )
    await hear(`${urgent}/notification.sent/direct.email`)
    expect(await deliveryOf(opened, berlin)).toMatchObject({
      status: 'held',
      heldBecause: 'quiet_hours',
      dueAt: '2026-11-21T16:00:00.000Z',
    })
    expect(await deliveryOf(opened, nepal)).toMatchObject({ status: 'held', dueAt: '2026-11-21T08:35:00.000Z' })
    expect(await deliveryOf(opened, awake)).toMatchObject({ status: 'held', dueAt: '2026-11-21T08:35:00.000Z' })
    const order = {
      user: 'awake',
      priority: 'standard' as const,
      contact: mail,
      lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }],
      totalCents: 1_000,
    }
    await say(InventoryReserved.of('1', clock.now, order))
    await hear('1/notification.sent/order.created.email')
    await say(InventoryReserved.of('2', clock.now, { ...order, user: 'sleeper' }))
    const confirmation = { user: 'sleeper', priority: 'standard' as const, totalCents: 1, confirmBefore: minute(9) }
    await say(InventoryReserved.of('3', clock.now, { ...order, user: 'sleeper' }))
    await hear('3/notification.held/order.created.email.2026-11-21T16:00:00.000Z')
    await say(PaymentConfirmationRequired.of('3', clock.now, confirmation))
    await hastenUntil('3/notification.sent/payment.confirmation_required.email')
    // What is urgent takes along what comes before it.
    const toldOf3 = said().filter((id) => id.startsWith('3/notification.sent/'))
    expect(toldOf3.map((id) => id.slice('3/notification.sent/'.length))).toEqual([
      'order.created.email',
      'payment.confirmation_required.email',
    ])
    expect(await deliveryOf(opened, '2.order.created')).toMatchObject({ status: 'held', heldBecause: 'quiet_hours' })
    const until = '2026-11-21T16:00:00.000Z'
    expect((await hear(`2/notification.held/order.created.email.${until}`)).data).toEqual({
      notificationId: '2.order.created',
      channel: 'email',
      reason: 'quiet_hours',
      until,
    })
    expect(said().filter((id) => id.includes('/notification.held/'))).toHaveLength(2)
    clock.now = minute(5)
    for (const id of [nepal, awake]) await hear(`${id}/notification.sent/direct.email`)
    clock.now = '2026-11-21T16:00:00.000Z'
    await hear('2/notification.sent/order.created.email')
    await hear(`${berlin}/notification.sent/direct.email`)
    expect(await mails()).toHaveLength(8)
  })

  it('do not hold a webhook', async () => {
    const opened = await openServices({ env: { QUIET_HOURS: '00:00-23:59', TIME_ZONE: 'UTC' } })
    const [id = ''] = await send(opened, news(1, { to: { ...mail, webhook: `${opened.providers.url}/hook` } }))
    await opened.hear(`${id}/notification.sent/direct.webhook`)
    expect(await deliveryOf(opened, id)).toMatchObject({ channel: 'email', status: 'held' })
  })
})

describe('the throttle', () => {
  const env = { THROTTLE_MAX: '3', THROTTLE_SECONDS: '600' }

  it('lets an address have so much in a window, by two copies together, and holds the rest until there is room', async () => {
    const opened = await openServices({ copies: 2, env })
    const { running, clock, mails, hear } = opened
    const post = async (number: number) => {
      const answer = await fetch(`${running[number % 2]?.url}/notifications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(news(number)),
      })
      return ((await answer.json()) as { id: string }).id
    }
    const ids = await Promise.all(Array.from({ length: 10 }, (_, number) => post(number)))
    await eventually('as many as there is room for are sent', async () => (await mails()).length === 3 || undefined)
    const standing = await Promise.all(ids.map((id) => deliveryOf(opened, id)))
    const held = standing.filter(({ status }) => status === 'held')
    expect(held.map(({ heldBecause, dueAt }) => `${heldBecause} ${dueAt}`).sort()).toEqual([
      ...Array.from({ length: 3 }, () => `throttled ${minute(10)}`),
      ...Array.from({ length: 3 }, () => `throttled ${minute(20)}`),
      `throttled ${minute(30)}`,
    ])
    const [other = '', urgent = ''] = await send(
      opened,
      news(11, { to: { email: 'other@example.org' } }),
      news(12, { priority: 'urgent' }),
    )
    for (const id of [other, urgent]) await hear(`${id}/notification.sent/direct.email`)
    // Nobody looked for an hour: what has piled up does not burst out.
    clock.now = minute(60)
    await eventually('three more are sent', async () => (await mails()).length === 8 || undefined)
    await eventually('the rest has new places', async () => {
      const all = await Promise.all(ids.map((id) => deliveryOf(opened, id)))
      return all.filter(({ dueAt, status }) => status === 'held' && dueAt > minute(60)).length === 4 || undefined
    })
    expect(await mails()).toHaveLength(8)
    clock.now = minute(70)
    await eventually('three more are sent', async () => (await mails()).length === 11 || undefined)
    clock.now = minute(80)
    await eventually('all are sent', async () => (await mails()).length === 12 || undefined)
    expect(new Set(asked(opened)).size).toBe(12)
  })

  it('lets orders’ news pass, unless it is told to count them', async () => {
    const order = { user: 'gayal', priority: 'standard' as const, lines: [], totalCents: 0 }
    for (const [counted, sent] of [
      ['false', 4],
      ['true', 3],
    ] as const) {
      const opened = await openServices({ env: { ...env, THROTTLE_TRANSACTIONAL: counted } })
      for (const orderId of ['1', '2', '3', '4']) await opened.say(InventoryReserved.of(orderId, minute(0), order))
      await eventually('each is decided', async () => {
        const { body } = await opened.get('/notifications')
        const standing = body.notifications.map(({ status }: { status: string }) => status)
        return standing.length === 4 && !standing.includes('waiting') ? true : undefined
      })
      expect((await opened.mails()).length).toBe(sent)
    }
  })
})

describe('a digest', () => {
  const env = { DIGEST_CATEGORIES: 'newsletter', DIGEST_SECONDS: '600' }

  it('says as one what came in its window, once, by two copies', async () => {
    const opened = await openServices({ copies: 2, env })
    const { clock, hear, said, get, mails } = opened
    const [first = '', second = '', urgent = '', other = ''] = await send(
      opened,
      news(1),
      news(2),
      news(3, { priority: 'urgent' }),
      news(4, { category: 'other' }),
    )
    for (const id of [urgent, other]) await hear(`${id}/notification.sent/direct.email`)
    expect(await deliveryOf(opened, first)).toMatchObject({ status: 'held', heldBecause: 'digest', dueAt: minute(10) })
    clock.now = minute(9)
    const [third = ''] = await send(opened, news(5))
    expect(await deliveryOf(opened, third)).toMatchObject({ status: 'held', heldBecause: 'digest', dueAt: minute(10) })
    clock.now = minute(10)
    const { digestId } = await becomes(opened, first, 'digested')
    await hear(`${digestId}/notification.sent/digest.email`)
    for (const id of [second, third])
      expect(await deliveryOf(opened, id)).toMatchObject({ status: 'digested', digestId })
    expect((await get(`/notifications/${digestId}`)).body).toMatchObject({
      eventType: 'digest',
      category: 'newsletter',
      status: 'simulated',
      subject: 'News 1 (and 2 more)',
      text: expect.stringMatching(/News 1\n {2}It is news number 1\.[\s\S]*News 2\n[\s\S]*News 5\n/),
    })
    expect(said().filter((id) => id.includes('digest'))).toEqual([
      ...[first, second, third].map((id) => `${id}/notification.digested/direct.email`),
      `${digestId}/notification.requested/digest`,
      `${digestId}/notification.sent/digest.email`,
    ])
    expect(await mails()).toHaveLength(3)
    clock.now = minute(11)
    const [later = ''] = await send(opened, news(6))
    expect(await deliveryOf(opened, later)).toMatchObject({ status: 'held', dueAt: minute(21) })
  })

  it('of one is the message itself', async () => {
    const opened = await openServices({ env })
    const [id = ''] = await send(opened, news(1))
    opened.clock.now = minute(10)
    await opened.hear(`${id}/notification.sent/direct.email`)
    expect(await deliveryOf(opened, id)).toMatchObject({ status: 'simulated', digestId: null })
    expect(asked(opened)).toEqual([`${id}/notification.requested/direct`])
  })

  it('keeps apart recipients, channels and categories, and follows the customer’s own wish', async () => {
    const opened = await openServices({ env: { ...env, DIGEST_CATEGORIES: 'newsletter,tips' } })
    const { put, clock, hear, get } = opened
    await put('/customers/plain/preferences', { categories: { newsletter: { digest: false } } })
    await put('/customers/gatherer/preferences', { categories: { order: { digest: true } } })
    await put('/customers/plain', { addresses: { email: 'plain@example.org' } })
    const both = { to: { ...mail, phone: '+94 112 345 678' } }
    const [plain = '', ...others] = await send(
      opened,
      news(1, { to: { customerId: 'plain' } }),
      ...[news(2, both), news(3, both), news(4, { category: 'tips' }), news(5, { to: { email: 'h@example.org' } })],
    )
    await hear(`${plain}/notification.sent/direct.email`)
    const order = { user: 'gatherer', priority: 'standard' as const, lines: [], totalCents: 0 }
    for (const orderId of ['1', '2']) await opened.say(InventoryReserved.of(orderId, clock.now, order))
    await becomes(opened, '2.order.created', 'held')
    const told = await hear(`2/notification.held/order.created.email.${minute(10)}`)
    expect(told.data).toMatchObject({ reason: 'digest', until: minute(10) })
    clock.now = minute(10)
    await eventually('nothing is held any more', async () => {
      const { body } = await get('/notifications?status=held')
      return body.notifications.length === 0 || undefined
    })
    const standing = await Promise.all(
      [...others, '1.order.created', '2.order.created'].map((id) => get(`/notifications/${id}`)),
    )
    const digests = standing.map(({ body }) => body.deliveries.map(({ digestId }: { digestId: string }) => digestId))
    const [two, three, tip, h, one, other] = digests
    expect([two, tip, h, one]).toEqual([[expect.any(String), expect.any(String)], [null], [null], [expect.any(String)]])
    expect([three, other]).toEqual([two, one])
    expect(new Set([...two, ...one]).size).toBe(3)
  })

  it('leaves out what was called off or is not wanted any more, and what would be over before its end never waits', async () => {
    const opened = await openServices({ env })
    const { put, post, clock, hear, said } = opened
    await put('/customers/leaver', { addresses: { email: 'l@example.org' } })
    const leaver = { to: { customerId: 'leaver' } }
    const [called = '', left = '', short = '', ...gone] = await send(
      opened,
      news(1),
      news(2),
      news(3, { expiresAt: minute(10) }),
      ...[news(4, leaver), news(5, leaver)],
    )
    await hear(`${short}/notification.sent/direct.email`)
    await post(`/notifications/${called}/cancel`)
    await put('/customers/leaver/preferences', { categories: { newsletter: { email: false } } })
    clock.now = minute(10)
    await hear(`${left}/notification.sent/direct.email`)
    for (const id of gone) await hear(`${id}/notification.opted_out/direct.email`)
    expect(said().filter((id) => id.includes('digest'))).toEqual([])
  })

  it('of more than a mail should list is several, and none is lost', async () => {
    const opened = await openServices({ env })
    const ids = await send(opened, ...Array.from({ length: 201 }, (_, number) => news(number)))
    opened.clock.now = minute(10)
    await eventually('nothing is held any more', async () => {
      const { body } = await opened.get('/notifications?status=held')
      return body.notifications.length === 0 || undefined
    })
    const standing = await Promise.all(ids.map((id) => deliveryOf(opened, id)))
    const counts = new Map<string, number>()
    for (const { digestId } of standing) counts.set(digestId, (counts.get(digestId) ?? 0) + 1)
    expect([...counts.values()].sort((a, b) => b - a)).toEqual([100, 100, 1])
    expect(standing.filter(({ digestId }) => digestId === null)).toMatchObject([{ heldBecause: 'digest' }])
  })
})
