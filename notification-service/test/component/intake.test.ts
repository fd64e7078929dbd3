// What may be asked for directly: one or many, to addresses or to a customer, now, later, until when, and called off.
import { eventually, tracing, typesInTrace } from '@orders/shared/testing'
import { expect, it } from 'vitest'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T09:00:00.000Z'
const latest = '2026-11-21T10:00:00.000Z'
const words = { subject: 'Hi', body: 'There.' }
const ann = { to: { email: 'ann@example.org' }, ...words }

it('answers each of many for itself: a bad one spoils nothing else, and a repeat has the same answers', async () => {
  const { post, said, hear } = await openServices()
  const many = [
    ann,
    { ...ann, to: { email: 'no address' }, colour: 'red' },
    { to: { customerId: 'nobody' }, ...words },
    7,
    { ...ann, body: 'half a pair: \ud83d' },
  ]
  const first = await post('/notifications', many, { 'idempotency-key': 'k' })
  expect(first.status).toBe(207)
  expect(first.body).toMatchObject([
    { status: 202, notification: { status: 'accepted', channels: ['email'], createdAt: at } },
    { status: 400, problem: { code: 'invalid_input', errors: [{ field: 'colour' }, { field: 'to.email' }] } },
    { status: 404, problem: { code: 'no_such_customer' } },
    { status: 400, problem: { code: 'invalid_input' } },
    { status: 400, problem: { code: 'invalid_input', errors: [{ field: 'body' }] } },
  ])
  const again = await post('/notifications', many, { 'idempotency-key': 'k' })
  expect(again.body).toEqual(first.body)
  const other = await post('/notifications', [{ ...ann, subject: 'Ho' }, ann], { 'idempotency-key': 'k' })
  expect(other.body).toMatchObject([{ problem: { code: 'idempotency_key_reused' } }, { status: 202 }])
  const ids = [first.body[0].notification.id, other.body[1].notification.id]
  for (const id of ids) await hear(`${id}/notification.sent/direct.email`)
  expect(said().filter((id) => id.includes('/notification.requested/'))).toHaveLength(2)
  expect((await post('/notifications', [])).status).toBe(400)
  expect(
    (
      await post(
        '/notifications',
        Array.from({ length: 501 }, () => ann),
      )
    ).status,
  ).toBe(400)
})

it('reaches a customer by the addresses that are known, as far as they are asked for, in the customer’s language', async () => {
  const { get, put, post, hear } = await openServices()
  const addresses = { email: 'ann@example.org', phone: '+43 1 234 567', webhook: 'https://example.org/hook' }
  const customer = { addresses, locale: 'de', timeZone: 'Europe/Vienna' }
  const known = { id: 'ann', ...customer, addresses: { ...addresses, phone: '+431234567' } }
  expect(await put('/customers/ann', customer)).toMatchObject({ status: 200, body: known })
  expect((await get('/customers/ann')).body).toEqual({ ...known, updatedAt: at })
  expect(await get('/customers/nobody')).toMatchObject({ status: 404, body: { code: 'no_such_customer' } })
  const mars = await put('/customers/ann', { ...customer, timeZone: 'Mars/Base' })
  expect(mars).toMatchObject({ status: 400, body: { errors: [{ field: 'timeZone' }] } })

  const data = { orderId: '7', lines: [] }
  const request = { template: 'order.paid', data, channels: ['sms', 'email'] }
  const { body } = await post('/notifications', { to: { customerId: 'ann', email: 'other@example.org' }, ...request })
  expect(body.channels).toEqual(['email', 'sms'])
  await hear(`${body.id}/notification.sent/direct.sms`)
  expect((await get(`/notifications/${body.id}`)).body).toMatchObject({
    addresses: { email: 'other@example.org', sms: '+431234567' },
    customerId: 'ann',
    subject: 'Bestellung 7 ist bezahlt',
  })
  const unreachable = await post('/notifications', { to: { customerId: 'ann' }, ...words, channels: ['push'] })
  expect(unreachable).toMatchObject({ status: 422, body: { code: 'no_address' } })
})

it('sends at the time asked for, not before, and shows why it waits', async () => {
  const { get, post, clock, said, hear, mails } = await openServices()
  const { body } = await post('/notifications', { ...ann, sendAt: '2026-11-21T10:00:00+01:00', category: 'news' })
  const { id } = body
  expect((await get(`/notifications/${id}`)).body).toMatchObject({
    status: 'held',
    category: 'news',
    sendAt: later,
    deliveries: [{ channel: 'email', status: 'held', dueAt: later, heldBecause: 'send_at' }],
    attempts: [],
  })
  expect(said()).toEqual([])
  clock.now = later
  await hear(`${id}/notification.sent/direct.email`)
  expect(await mails()).toEqual([`${id}.eml`])
  expect((await get(`/notifications/${id}`)).body).toMatchObject({
    status: 'simulated',
    attempts: [{ channel: 'email', at: later, provider: 'file', outcome: 'simulated', error: null }],
  })
})

it('refuses times that cannot be', async () => {
  const { post } = await openServices()
  const refused = await post('/notifications', { ...ann, sendAt: later, expiresAt: later })
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'expiresAt' }] } })
  for (const sendAt of ['2026-02-30T10:00:00Z', '2026-13-01T00:00:00Z', '9999-12-31T23:59:59-23:59']) {
    const unreal = await post('/notifications', { ...ann, sendAt })
    expect(unreal).toMatchObject({ status: 400, body: { errors: [{ field: 'sendAt' }] } })
  }
  const odd = await post('/notifications', { ...ann, sendAt: '2026-13-41T00:00:00Z', expiresAt: 'soon' })
  expect(odd.status).toBe(400)
})

/** Webhooks that nobody answers: their requests are tried again and again. */
const unanswered = { WEBHOOK_SECRET: 'a-secret-of-thirty-characters-!', WEBHOOK_ALLOW_PRIVATE: 'true' }
const toNobody = { to: { webhook: 'http://127.0.0.1:1/' }, ...words }
type Open = Awaited<ReturnType<typeof openServices>>
const tried = ({ get }: Open, id: string) =>
  eventually('it was tried', async () => (await get(`/notifications/${id}`)).body.attempts.length > 0 || undefined)
const settled = ({ broker, get }: Open) =>
  eventually('its request is settled', async () => {
    const { retries } = (await get('/retries')).body
    return retries.length + broker.messages('notification.webhook.queue').length === 0
  })

it('says that it has expired, when its time is over while it is held, and while it is tried', async () => {
  const open = await openServices({ env: unanswered })
  const { get, post, clock, said, hear, broker } = open
  const { body: held } = await post('/notifications', { ...ann, sendAt: later, expiresAt: latest })
  const { body: waiting } = await post('/notifications', { ...toNobody, expiresAt: latest })
  await tried(open, waiting.id)
  clock.now = latest
  await hear(`${held.id}/notification.expired/direct.email`)
  await hear(`${waiting.id}/notification.expired/direct.webhook`)
  await settled(open)
  expect(broker.messages('notification.webhook.dlq')).toEqual([])
  expect((await get(`/notifications/${held.id}`)).body).toMatchObject({ status: 'expired', attempts: [] })
  expect((await get(`/notifications/${waiting.id}`)).body).toMatchObject({ status: 'expired' })
  expect(said().filter((id) => id.includes(held.id))).toEqual([`${held.id}/notification.expired/direct.email`])
})

it('calls off what has not been sent, for certain while it is held, and says so once', async () => {
  const { get, post, clock, said, hear } = await openServices()
  const { body: held } = await post('/notifications', { ...ann, sendAt: later })
  const cancelled = { status: 200, body: { id: held.id, status: 'cancelled', channels: { email: 'cancelled' } } }
  expect(await post(`/notifications/${held.id}/cancel`)).toMatchObject(cancelled)
  expect(await post(`/notifications/${held.id}/cancel`)).toMatchObject(cancelled)
  clock.now = latest
  const { body: sent } = await post('/notifications', ann)
  await hear(`${sent.id}/notification.sent/direct.email`)
  const refused = await post(`/notifications/${sent.id}/cancel`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'not_cancellable', detail: 'it is simulated already' } })
  expect((await post('/notifications/none/cancel')).status).toBe(404)
  expect(said().filter((id) => id.includes(held.id))).toEqual([`${held.id}/notification.cancelled/direct.email`])
  expect((await get('/notifications?status=cancelled')).body.notifications).toMatchObject([{ id: held.id }])
})

it('calls off what was asked for already: its channel finds it so and sends nothing', async () => {
  const open = await openServices({ env: unanswered })
  const { get, post, hear, broker, hasten, running } = open
  const { body } = await post('/notifications', toNobody)
  await tried(open, body.id)
  await post(`/notifications/${body.id}/cancel`)
  await hear(`${body.id}/notification.cancelled/direct.webhook`)
  await hasten()
  await eventually('its channel has nothing more to do', () =>
    running[0]?.lines.find(
      ({ msg, queue, subject }) => msg === 'handled' && queue === 'notification.webhook.queue' && subject === body.id,
    ),
  )
  await settled(open)
  expect(broker.messages('notification.webhook.dlq')).toEqual([])
  expect((await get(`/notifications/${body.id}`)).body).toMatchObject({
    status: 'cancelled',
    attempts: [{ attempt: 1 }],
  })
})

it('finds notifications by address, channel and standing, page by page', async () => {
  const { get, post, hear } = await openServices()
  const ids: string[] = []
  for (const to of [
    { email: 'Ann@example.org' },
    { phone: '+43 1 234 567' },
    { email: 'ann@example.org', phone: '+43 1 234 569' },
  ])
    ids.push((await post('/notifications', { to, ...words })).body.id)
  const { body: held } = await post('/notifications', { ...ann, sendAt: later })
  const [first, second, third] = ids
  await hear(`${first}/notification.sent/direct.email`)
  await hear(`${second}/notification.sent/direct.sms`)
  await hear(`${third}/notification.sent/direct.sms`)
  const found = async (query: string) =>
    (await get(`/notifications?${query}`)).body.notifications.map(({ id }: { id: string }) => id)
  expect(await found('to=ANN%40example.org')).toEqual([held.id, third, first])
  expect(await found('to=%2B43%201%20234%20567')).toEqual([second])
  expect(await found('channel=sms')).toEqual([third, second])
  expect(await found('channel=sms&status=sent')).toEqual([third, second])
  expect(await found('channel=email&status=held')).toEqual([held.id])
  expect(await found('channel=sms&status=held')).toEqual([])
  expect(await found('to=nobody%40example.org')).toEqual([])
  const pages: string[][] = []
  for (let after = ''; ; ) {
    const { notifications, next } = (await get(`/notifications?limit=3${after}`)).body
    pages.push(notifications.map(({ id }: { id: string }) => id))
    if (next === null) break
    after = `&after=${next}`
  }
  expect(pages).toEqual([[held.id, third, second], [first]])
})

it('lets no address into a log', async () => {
  const { asked, post, put, lines, running } = await openServices()
  await put('/customers/zoe%40private.example', { addresses: { email: 'zoe@private.example' } })
  await post('/notifications', [
    { to: { customerId: 'zoe@private.example' }, ...words },
    { to: { email: 'zoe@' }, ...words },
  ])
  await asked('GET', '/notifications?to=zoe%40private.example')
  for (const { stop } of running) await stop()
  expect(lines.length).toBeGreaterThan(0)
  expect(JSON.stringify(lines)).not.toMatch(/zoe(@|%40)/)
})

it('what a request says is a step of its caller’s trace: one, each of many, and what is called off', async () => {
  const { broker, post, said } = await openServices()
  const held = { ...ann, sendAt: later }
  const { body } = await post('/notifications', held, tracing)
  await post(`/notifications/${body.id}/cancel`, undefined, tracing)
  await post('/notifications', ann, tracing)
  await post('/notifications', [ann, ann], tracing)
  await eventually('all are sent', () => said().filter((id) => id.includes('/notification.sent/')).length === 3)
  expect(typesInTrace(broker.messages('audit.queue')).sort()).toEqual([
    'notification.cancelled',
    ...Array(3).fill('notification.requested'),
    ...Array(3).fill('notification.sent'),
  ])
})
