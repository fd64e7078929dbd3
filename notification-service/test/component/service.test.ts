// The whole service over an in-memory broker, a scratch database and a real SMTP server.
import {
  amqpPriority,
  InventoryReserved,
  type Message,
  OrderCancelled,
  OrderCreated,
  OrderPaid,
  PaymentRefunded,
  registry,
  topology,
} from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type LogLine,
  type MemoryBroker,
  scratchFolder,
} from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { NotificationConfig } from '../../config.ts'
import { notificationService } from '../../service.ts'
import { type MailServer, startMailServer } from '../mail-server.ts'

/** What the broker counts passes in a hundredth of its time. */
const HURRY = 100

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let server: MailServer
let broker: MemoryBroker
let service: RunningService
let lines: LogLine[]

beforeEach(async () => {
  scratch = await scratchFolder()
  server = await startMailServer()
  broker = createMemoryBroker(topology, (delayMs, work) => {
    const timer = setTimeout(work, delayMs / HURRY)
    return () => clearTimeout(timer)
  })
  const config = { ...readConfig(NotificationConfig, { DATA_DIR: scratch.path, SMTP_URL: server.url }), portBase: 0 }
  const keeping = await keepingLog('notification-service')
  lines = keeping.lines
  service = await startService(notificationService, config, {
    log: keeping.log,
    openBroker: (name) => broker.connect(name),
    broken: (error) => {
      throw error
    },
  })
})
afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await server.close()
  await scratch.remove()
})

const at = '2026-11-21T08:30:00.000Z'
const customer = { user: 'gayal', priority: 'standard' as const }
const priced = { lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }], totalCents: 1_000 }
const created = (orderId: string, contact?: object) =>
  InventoryReserved.of(orderId, at, { ...customer, ...priced, ...(contact && { contact }) })
const say = (message: Message) => broker.connect('test').publish(encode(registry, message, 'order-service', {}))
const heard = () =>
  broker.messages('audit.queue').map(({ body }) => JSON.parse(body) as { id: string; data: Record<string, unknown> })
const hear = (id: string) => eventually(`${id} is said`, () => heard().find((event) => event.id === id))
const get = async (path: string) => (await fetch(service.url + path)).json() as Promise<Record<string, unknown>>

it('tells the customer once, and says so, however often it hears', async () => {
  await say(created('123'))
  await hear('123/notification.sent/order.created.email')
  await say(created('123'))
  await say(OrderPaid.of('123', at, customer))
  await hear('123/notification.sent/order.paid.email')
  expect(server.accepted.map(({ mail, to }) => [mail.subject, ...to])).toEqual([
    ['We have your order 123', 'gayal@example.com'],
    ['Order 123 is paid', 'gayal@example.com'],
  ])
  expect(
    heard()
      .filter(({ id }) => id.includes('notification.'))
      .map(({ id }) => id),
  ).toEqual([
    '123/notification.requested/order.created',
    '123/notification.sent/order.created.email',
    '123/notification.requested/order.paid',
    '123/notification.sent/order.paid.email',
  ])
})

it('reaches exactly the channels of the contact, and no log line shows an address', async () => {
  const contact = { email: 'gayal@example.org', phone: '+94 112 345 678', webhook: 'https://example.org/secret-hook' }
  await say(created('1', contact))
  for (const channel of ['email', 'sms', 'webhook']) await hear(`1/notification.sent/order.created.${channel}`)
  expect(
    lines
      .filter(({ msg }) => msg === 'not sent: this channel has no provider')
      .map(({ channel, address }) => [channel, address])
      .sort(),
  ).toEqual([
    ['sms', '+94…78'],
    ['webhook', 'htt…ok'],
  ])
  expect(JSON.stringify(lines)).not.toMatch(/gayal@example\.org|112 345|secret-hook/)
  expect(await get('/notifications/1.order.created')).toMatchObject({
    status: 'simulated',
    addresses: { email: 'gayal@example.org', sms: '+94112345678', webhook: 'https://example.org/secret-hook' },
    deliveries: [
      { channel: 'email', status: 'sent' },
      { channel: 'sms', status: 'simulated', provider: 'log' },
      { channel: 'webhook', status: 'simulated' },
    ],
  })
})

it('tries again what may work later, and keeps every attempt', async () => {
  server.refuse('data', 451, 421)
  await say(created('2'))
  await hear('2/notification.sent/order.created.email')
  expect(server.accepted).toHaveLength(1)
  const { status, deliveries, attempts } = await get('/notifications/2.order.created')
  expect(status).toBe('sent')
  expect(deliveries).toMatchObject([{ status: 'sent', attempts: 3, provider: 'smtp', error: null }])
  expect(attempts).toMatchObject([
    { attempt: 1, outcome: 'failed', error: expect.stringContaining('451') },
    { attempt: 2, outcome: 'failed', error: expect.stringContaining('421') },
    { attempt: 3, outcome: 'sent', error: null },
  ])
})

it('gives up what will never work, keeps it, and sends it once when somebody sends it again', async () => {
  server.refuse('recipient', 554)
  await say(created('3'))
  const failed = await hear('3/notification.failed/order.created.email')
  expect(failed.data.reason).toMatch(/^mail_refused: .*554/)
  expect(JSON.stringify([failed, lines])).not.toContain('gayal@example.com')
  expect(await get('/notifications?status=failed')).toMatchObject({
    notifications: [{ id: '3.order.created', status: 'failed', channels: { email: 'failed' } }],
  })
  const dead = await eventually(
    'the request lies in the dead letters',
    () => broker.messages('notification.email.dlq')[0],
  )
  const replay = () =>
    broker.connect('test').publish({
      exchange: '',
      routingKey: 'notification.email.queue',
      body: Buffer.from(dead.body),
      properties: { ...dead.properties, headers: {} },
    })
  await replay()
  await hear('3/notification.sent/order.created.email')
  await replay()
  await say(created('4'))
  await hear('4/notification.sent/order.created.email')
  expect(server.accepted.map(({ mail }) => mail.subject)).toEqual(['We have your order 3', 'We have your order 4'])
  expect(await get('/notifications/3.order.created')).toMatchObject({
    status: 'sent',
    deliveries: [{ status: 'sent', attempts: 2, error: null }],
    attempts: [{ outcome: 'failed' }, { outcome: 'sent' }],
  })
  expect(await get('/notifications?status=failed')).toEqual({ notifications: [], next: null })
})

it('sends nothing more to a mailbox that does not exist, until an operator says so', async () => {
  const contact = { email: 'Gone@example.com' }
  server.saying('5.1.1 no such user')
  server.refuse('recipient', 550)
  await say(created('7', contact))
  expect((await hear('7/notification.failed/order.created.email')).data.reason).toMatch(/^mail_bounced: /)
  await say(created('8', { email: 'gone@example.com' }))
  expect((await hear('8/notification.failed/order.created.email')).data.reason).toMatch(/^suppressed: mail_bounced: /)
  expect(await get('/notifications/8.order.created')).toMatchObject({ status: 'failed', attempts: [] })
  expect(broker.messages('notification.email.dlq')).toHaveLength(1)
  expect(await get('/suppressions')).toMatchObject({
    suppressions: [{ channel: 'email', address: 'gone@example.com', notificationId: '7.order.created' }],
  })
  const removed = await fetch(`${service.url}/suppressions/GONE%40example.com`, { method: 'DELETE' })
  expect(removed.status).toBe(204)
  await say(created('9', contact))
  await hear('9/notification.sent/order.created.email')
  expect(server.accepted.map(({ to }) => to)).toEqual([['Gone@example.com']])
  expect(JSON.stringify(lines)).not.toMatch(/gone@example/i)
})

it('sends nothing to an address that an operator put on the list', async () => {
  const post = (body: object) =>
    fetch(`${service.url}/suppressions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const bounce = { channel: 'email', address: 'late@example.com', reason: 'bounced later' }
  expect([(await post(bounce)).status, (await post(bounce)).status]).toEqual([204, 204])
  expect((await post({ ...bounce, channel: 'pigeon' })).status).toBe(400)
  await say(created('1', { email: 'late@example.com' }))
  const { data } = await hear('1/notification.failed/order.created.email')
  expect(data.reason).toBe('suppressed: bounced later')
  expect(server.accepted).toEqual([])
  expect(JSON.stringify(lines)).not.toContain('late@example')
})

it('refuses an address that no database keeps, and names the field', async () => {
  const ask = async (path: string, method = 'GET', body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const sent = body && { headers, body: JSON.stringify(body) }
    const answer = await fetch(`${service.url}/suppressions${path}`, { method, ...sent })
    const { code, errors } = (await answer.json()) as { code: string; errors: { field: string }[] }
    return [answer.status, code, ...errors.map(({ field }) => field)]
  }
  const bounce = { channel: 'email', address: 'a\u0000@example.com', reason: 'a\u0000' }
  expect(await ask('?address=a%00b')).toEqual([400, 'invalid_input', 'querystring.address'])
  expect(await ask('/a%00b', 'DELETE')).toEqual([400, 'invalid_input', 'params.address'])
  expect(await ask('', 'POST', bounce)).toEqual([400, 'invalid_input', 'address', 'reason'])
})

it('sends what an operator asks for, once for each Idempotency-Key', async () => {
  const post = (body: object, key = 'k1') =>
    fetch(`${service.url}/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    })
  const request = { to: { email: 'a@example.org' }, subject: 'Maintenance', body: 'Tonight.\n\nSorry!' }
  const first = await post(request)
  expect(first.status).toBe(202)
  const answer = (await first.json()) as { id: string }
  expect(answer).toEqual({
    id: expect.any(String),
    status: 'accepted',
    channels: ['email'],
    createdAt: expect.any(String),
  })
  expect(first.headers.get('location')).toBe(`/notifications/${answer.id}`)
  await hear(`${answer.id}/notification.sent/direct.email`)
  const repeat = await post({ body: request.body, subject: request.subject, to: request.to, priority: 'normal' })
  expect(await repeat.json()).toEqual(answer)
  expect((await post({ ...request, subject: 'Other' })).status).toBe(422)
  expect((await post({ ...request, to: {} }, 'k2')).status).toBe(400)
  expect((await post({ ...request, subject: 'a\r\nBcc: x' }, 'k3')).status).toBe(400)
  const sent = server.accepted.map(({ mail }) => [mail.subject, mail.text?.replaceAll('\r', '').trim()])
  expect(sent).toEqual([['Maintenance', expect.stringMatching(/^Maintenance\n\nTonight\.\n\nSorry!\n/)]])
  expect(await get('/notifications/none')).toMatchObject({ status: 404, code: 'no_such_notification' })
})

it('lists an order’s notifications, the newest first, page by page', async () => {
  for (const orderId of ['5', '5.a', '6']) await say(created(orderId))
  await say(OrderPaid.of('5', at, customer, { priority: amqpPriority.standard }))
  for (const id of ['5/notification.sent/order.created.email', '5.a/notification.sent/order.created.email'])
    await hear(id)
  await hear('6/notification.sent/order.created.email')
  await hear('5/notification.sent/order.paid.email')
  const ids = async (query: string) => {
    const { notifications } = await get(`/notifications?${query}`)
    return (notifications as { id: string }[]).map(({ id }) => id)
  }
  expect((await ids('orderId=5')).sort()).toEqual(['5.order.created', '5.order.paid'])
  const all = await ids('')
  expect(all).toHaveLength(4)
  const firstPage = await ids('limit=3')
  expect([...firstPage, ...(await ids(`limit=3&after=${firstPage.at(-1)}`))]).toEqual(all)
})

const asked = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

it('sends what a template says, in the language asked for, and refuses data that do not fit with every faulty field', async () => {
  const to = { email: 'a@example.org' }
  const data = { orderId: '7', lines: [{ sku: 'item1', quantity: 2, totalCents: 2_000 }], totalCents: 2_000 }
  const sent = await asked('/notifications', { to, template: 'order.paid', data, locale: 'de-AT' })
  expect(sent.status).toBe(202)
  const { id } = (await sent.json()) as { id: string }
  await hear(`${id}/notification.sent/direct.email`)
  expect(server.accepted.map(({ mail }) => mail.subject)).toEqual(['Bestellung 7 ist bezahlt'])
  expect(await get(`/notifications/${id}`)).toMatchObject({
    template: 'order.paid',
    locale: 'de-AT',
    subject: 'Bestellung 7 ist bezahlt',
    text: expect.stringContaining('* item1\n  × 2 = €\u00a020,00'),
  })
  const faulty = { orderId: '../7', lines: [{ sku: 'item1' }], total: 1 }
  const refused = await asked('/notifications', { to, template: 'order.paid', data: faulty })
  expect(refused.status).toBe(400)
  const { code, errors } = (await refused.json()) as { code: string; errors: { field: string }[] }
  expect(code).toBe('invalid_input')
  expect(errors.map(({ field }) => field).sort()).toEqual(['data.lines.0.quantity', 'data.orderId', 'data.total'])
  expect(await (await asked('/notifications', { to, template: 'order.lost', data })).json()).toMatchObject({
    status: 404,
    code: 'no_such_template',
    detail: expect.stringContaining('order.created, payment.confirmation_required, order.paid'),
  })
  for (const body of [{ to }, { to, subject: 'Hi' }, { to, subject: 'Hi', body: 'x', data }])
    expect((await asked('/notifications', body)).status).toBe(400)
  expect((await asked('/notifications', { to, subject: 'Hi', template: 'order.paid', data })).status).toBe(400)
})

it('tells an order’s customer in the language of the contact', async () => {
  await say(created('8', { email: 'a@example.org', locale: 'de' }))
  await hear('8/notification.sent/order.created.email')
  expect(server.accepted.map(({ mail }) => mail.subject)).toEqual(['Ihre Bestellung 8 ist eingegangen'])
})

it('lists the templates, and previews each with its sample or given data, as JSON or as the mail', async () => {
  const { templates } = (await get('/templates')) as {
    templates: { name: string; locales: string[]; sample: object }[]
  }
  expect(templates.map(({ name }) => name)).toContain('payment.confirmation_required')
  for (const { name, locales } of templates)
    for (const locale of locales) expect((await asked(`/templates/${name}/preview`, { locale })).status).toBe(200)
  expect(await (await asked('/templates/order.paid/preview', {})).json()).toMatchObject({
    subject: 'Order 2026-1107 is paid',
    short: expect.any(String),
    text: expect.any(String),
    html: expect.any(String),
  })
  const data = { orderId: '9', name: '<b>', lines: [] }
  const page = await asked('/templates/order.created/preview', { data }, { accept: 'text/html' })
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await page.text()).toMatch(/Hello\s+&lt;b&gt;,/)
  expect((await asked('/templates/order.created/preview', { data: { orderId: '9' } })).status).toBe(400)
  expect((await asked('/templates/order.lost/preview', {})).status).toBe(404)
})

it('shows operators each template in each locale, with its sample and as it was last sent, and runs nothing of it', async () => {
  const page = async (query: string) => {
    const answer = await fetch(`${service.url}/templates/preview${query}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    return answer.text()
  }
  const first = await page('')
  for (const [, name = '', locale = ''] of first.matchAll(/template=([a-z_.]+)&#38;locale=(\w+)/g))
    expect(await page(`?template=${name}&locale=${locale}`)).toContain(`<h2>${name}</h2>`)
  expect(first).toContain('template=payment.refunded&#38;locale=de&#38;data=sample')
  expect(await page('?template=order.paid&locale=de-CH')).toMatch(/Wir haben \S*\s74\.50\S* für Bestellung/)

  expect(await page('?template=order.created&data=last')).toContain('None of the last notifications')
  await say(created('b9', { email: 'a@example.org' }))
  await hear('b9/notification.sent/order.created.email')
  const last = await page('?template=order.created&locale=de&data=last')
  expect(last).toContain('<code>b9.order.created</code>')
  expect(last).toContain('Ihre Bestellung b9 ist bei uns eingegangen')
  expect(last).toContain('sandbox="" srcdoc="&#60;!doctype html&#62;')
  expect((await fetch(`${service.url}/templates/preview?template=none`)).status).toBe(404)
})

it('tells of each refund once, where the event names the customer', async () => {
  const refund = { totalCents: 990, refundId: 're_1', reason: 'One cup arrived broken.' }
  const refunded = (detail?: string, told: object = customer) =>
    PaymentRefunded.of('7', at, { ...refund, ...told }, detail === undefined ? {} : { detail })
  await say(OrderCancelled.of('7', at, { ...customer, reason: 'address_not_served' }))
  await say(refunded('re_0', {}))
  for (const detail of ['re_1', 're_2', 're_1', undefined]) await say(refunded(detail))
  for (const news of ['payment.refunded.re_1', 'payment.refunded.re_2', 'payment.refunded'])
    await hear(`7/notification.sent/${news}.email`)
  const [first, ...refunds] = server.accepted.map(({ mail }) => mail)
  expect(first?.subject).toBe('Order 7 is cancelled')
  expect(refunds.map(({ subject }) => subject)).toEqual(Array(3).fill('€9.90 for order 7 is refunded'))
  expect(refunds[0]?.text).toContain('One cup arrived broken.')
})

it('settles what an older binding still brings, and says nothing of an order that has no price yet', async () => {
  const lines = [{ sku: 'item1', quantity: 1 }]
  const { body, properties } = encode(registry, OrderCreated.of('7', at, { ...customer, lines }), 'order-service', {})
  await broker.connect('test').publish({ exchange: '', routingKey: 'notification.queue', body, properties })
  await say(OrderPaid.of('8', at, customer))
  await hear('8/notification.sent/order.paid.email')
  expect(broker.messages('notification.dlq')).toEqual([])
  expect(await get('/retries')).toMatchObject({ retries: [] })
  expect(server.accepted.map(({ mail }) => mail.subject)).toEqual(['Order 8 is paid'])
})
