// One mailbox, one number: however it is written, and whether it is asked for by the address or by its customer.
import { readFile } from 'node:fs/promises'
import { InventoryReserved } from '@orders/shared/contracts'
import { describe, expect, it } from 'vitest'
import { canonicalAddress, canonicalText } from '../../canonical-addresses.ts'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const words = { subject: 'News', body: 'It is new.' }
const order = {
  priority: 'standard' as const,
  lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 100 }],
  totalCents: 100,
}

const SUBSCRIPTION = '{"endpoint":"https://push.test/1","keys":{"p256dh":"p","auth":"a"}}'

it.each([
  ['sms', '+43 1 234 567', undefined, '+431234567'],
  ['sms', '01 / 234-567', 'AT', '+431234567'],
  ['sms', '01 / 234-567', undefined, '01234567'],
  ['sms', '+43\u200b1234567', undefined, '+431234567'],
  ['email', ' Ann@B.Test\ufeff', undefined, 'Ann@b.test'],
  ['email', 'ann@MÜLLER.example', undefined, 'ann@xn--mller-kva.example'],
  ['email', 'x\u200b@b.test', undefined, 'x@b.test'],
  ['push', 'Device-1', undefined, 'Device-1'],
  ['push', 'https://Push.test:443/1', undefined, 'https://push.test/1'],
  [
    'push',
    ' {"keys":{"auth":"a","p256dh":"p"},"expirationTime":null,"endpoint":"https://Push.test/1"}',
    undefined,
    SUBSCRIPTION,
  ],
  ['webhook', 'https://b.test/Hook', undefined, 'https://b.test/Hook'],
  ['webhook', 'HTTPS://B.test:443/./a/../Hook#1', undefined, 'https://b.test/Hook'],
  ['webhook', 'http://127.1:8080/hook?b=1&a=2', undefined, 'http://127.0.0.1:8080/hook?b=1&a=2'],
  ['webhook', 'https://b.test', undefined, 'https://b.test/'],
] as const)('by %s %j is one address with all that mean it', (channel, written, country, address) => {
  expect(canonicalAddress(channel, written, country)).toBe(address)
  expect(canonicalAddress(channel, address, country)).toBe(address)
  expect(canonicalText(written, country)).toBe(address)
})

const elsewhere = [
  ...[
    'z@b.test/evil',
    'z@b.test?evil',
    'z@b.test#evil',
    'z@b.test\\evil',
    'z@b%2etest',
    'z@b.test%00',
    'z@0x7f.1',
    'z@1.2.3.4',
  ],
  ...['z@b.test.', 'z@b..test', 'z@-b.test', 'z@b_c.test', 'z@xn--a.test', 'z@１.２.３.４'],
]
it('a mail that would go elsewhere than its address says is refused wherever the address comes in', async () => {
  const { post, put, get } = await openServices()
  for (const email of elsewhere) {
    const refused = { status: 400, body: { code: 'bad_address' } }
    expect(await post('/notifications', { to: { email }, ...words }), email).toMatchObject(refused)
    expect(await put('/customers/ann', { addresses: { email } }), email).toMatchObject(refused)
    expect(await post('/suppressions', { channel: 'email', address: email, reason: 'x' }), email).toMatchObject(refused)
  }
  const many = ['ann@b.test', 'z@b.test/evil'].map((email) => ({ to: { email }, ...words }))
  expect((await post('/notifications', many)).body).toMatchObject([
    { status: 202 },
    { status: 400, problem: { code: 'bad_address', errors: [{ field: 'to.email' }] } },
  ])
  for (const address of ['z@b.test:25', 'a@z@b.test', 'b.test', 'ann'])
    expect(await post('/suppressions', { channel: 'email', address, reason: 'x' })).toMatchObject({ status: 400 })
  expect((await get('/suppressions')).body.suppressions).toEqual([])
})

it('an order’s news to such an address fail, and a user that looks like one is no address', async () => {
  const { say, hear, get } = await openServices()
  await say(InventoryReserved.of('1', at, { ...order, user: 'ann', contact: { email: 'z@b.test/evil' } }))
  expect((await hear('1/notification.failed/order.created.email')).data.reason).toContain('bad_address')
  await say(InventoryReserved.of('2', at, { ...order, user: 'z@b.test/evil' }))
  await say(InventoryReserved.of('3', at, { ...order, user: 'Zoe@MÜLLER.example' }))
  for (const id of ['2', '3']) await hear(`${id}/notification.sent/order.created.email`)
  const emailOf = async (id: string) => (await get(`/notifications/${id}.order.created`)).body.addresses.email
  expect(await emailOf('2')).toMatch(/^z\.b\.test\.evil-[0-9a-f]{8}@example\.com$/)
  expect(await emailOf('3')).toBe('Zoe@xn--mller-kva.example')
})

it('what is suppressed is not told, however it is written; and is found and taken off likewise', async () => {
  const { post, get, hear, asked, mails } = await openServices()
  await post('/suppressions', { channel: 'sms', address: '+431234567', reason: 'wanted' })
  await post('/suppressions', { channel: 'email', address: 'x@b.test', reason: 'wanted' })
  const to = { email: 'X\u200b@B.test', phone: '+43 1 234 567' }
  const { id } = (await post('/notifications', { to, ...words })).body
  for (const channel of ['email', 'sms'])
    expect((await hear(`${id}/notification.failed/direct.${channel}`)).data.reason).toContain('suppressed')
  expect(await mails()).toEqual([])
  expect((await get('/notifications?to=%2B43-1-234567')).body.notifications).toMatchObject([{ id }])
  expect((await get('/suppressions?address=%2B43+1+234567')).body.suppressions).toHaveLength(1)
  expect((await asked('DELETE', `/suppressions/${encodeURIComponent('+43 1 234567')}`)).status).toBe(204)
  expect((await get('/suppressions?address=%2B431234567')).body.suppressions).toEqual([])
})

it('a webhook is one, however its URL is written', async () => {
  const { post, hear, get, asked, providers } = await openServices()
  await post('/suppressions', { channel: 'webhook', address: `${providers.url}/hook/x`, reason: 'wanted' })
  const paths = ['/./hook/x', '/y/../hook/x', '/hook/x#1']
  const short = providers.url.replace('http://127.0.0.1', 'http://127.1')
  const written = [`${short}/hook/x`, ...paths.map((path) => providers.url + path)]
  for (const webhook of written) {
    const { id } = (await post('/notifications', { to: { webhook }, ...words })).body
    expect((await hear(`${id}/notification.failed/direct.webhook`)).data.reason).toContain('suppressed')
    expect((await get(`/notifications?to=${encodeURIComponent(webhook)}`)).body.notifications).not.toEqual([])
    expect((await get(`/suppressions?address=${encodeURIComponent(webhook)}`)).body.suppressions).toHaveLength(1)
  }
  expect(providers.asked).toEqual([])
  expect((await asked('DELETE', `/suppressions/${encodeURIComponent(written[0] ?? '')}`)).status).toBe(204)
  const { id } = (await post('/notifications', { to: { webhook: written[0] }, ...words })).body
  await hear(`${id}/notification.sent/direct.webhook`)
})

it('a push subscription is its endpoint, whatever else it carries', async () => {
  const { post, put, hear, get, asked } = await openServices({
    env: { VAPID_PRIVATE_KEY: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', VAPID_SUBJECT: 'mailto:a@b.test' },
  })
  const endpoint = 'https://push.test/1'
  const push = JSON.stringify({ endpoint, keys: { p256dh: 'p', auth: 'a' } })
  const written = [
    JSON.stringify({ endpoint, expirationTime: null, keys: { p256dh: 'p', auth: 'a' } }),
    JSON.stringify({ keys: { auth: 'a', p256dh: 'p' }, endpoint }),
    JSON.stringify({ endpoint: 'https://PUSH.test:443/1', keys: { p256dh: 'new', auth: 'keys' } }),
  ]
  await post('/suppressions', { channel: 'push', address: push, reason: 'wanted' })
  for (const other of written) {
    const { id } = (await post('/notifications', { to: { push: other }, ...words })).body
    expect((await hear(`${id}/notification.failed/direct.push`)).data.reason).toContain('suppressed')
    expect((await get(`/suppressions?address=${encodeURIComponent(other)}`)).body.suppressions).toHaveLength(1)
  }
  expect((await get(`/notifications?to=${encodeURIComponent(push)}`)).body.notifications).toHaveLength(2)
  for (const status of [204, 404])
    expect((await asked('DELETE', `/suppressions/${encodeURIComponent(endpoint)}`)).status).toBe(status)
  await put('/customers/ann', { addresses: { push } })
  await put('/customers/ann/preferences', { categories: { newsletter: { push: false } } })
  for (const other of written) {
    const { id } = (await post('/notifications', { to: { push: other }, ...words, category: 'newsletter' })).body
    await hear(`${id}/notification.opted_out/direct.push`)
  }
})

const secret = 'a-secret-of-more-than-thirty-two-characters'

describe('one mailbox is one, by its address and by its customer', () => {
  const byAddress = { email: 'ann@b.test' }
  const byCustomer = { customerId: 'ann' }
  const ways = [
    ['by the address, then by the customer', byAddress, byCustomer],
    ['by the customer, then by the address', byCustomer, byAddress],
    ['by one of two customers, then by the address', { customerId: 'bob' }, byAddress],
  ] as const
  const newsletter = { ...words, category: 'newsletter' }

  async function opened(env: Record<string, string> = {}) {
    const secrets = { UNSUBSCRIBE_URL: 'https://shop.example', UNSUBSCRIBE_SECRET: secret }
    const services = await openServices({ env: { ...secrets, ...env } })
    for (const id of ['ann', 'bob']) await services.put(`/customers/${id}`, { addresses: { email: 'Ann@B.test' } })
    const send = async (to: object, more = {}) =>
      (await services.post('/notifications', { to, ...newsletter, ...more })).body.id as string
    async function click(id: string) {
      const mail = (await readFile(`${services.folder}/mail/${id}.eml`, 'utf8')).replace(/\r\n[ \t]/g, '')
      const [, path = ''] = /List-Unsubscribe:\s*<https:\/\/shop\.example([^>]+)>/.exec(mail) ?? []
      expect((await fetch(services.running[0]?.url + path.replace(/\s/g, ''), { method: 'POST' })).status).toBe(200)
    }
    return { ...services, send, click }
  }

  it.each(ways)('what is unsubscribed %s is not sent, also where it was asked for before', async (_, first, second) => {
    const { send, click, hear, clock } = await opened()
    const held = await send(second, { sendAt: '2026-11-21T09:30:00.000Z' })
    const id = await send(first)
    await hear(`${id}/notification.sent/direct.email`)
    await click(id)
    await hear(`${await send(second)}/notification.opted_out/direct.email`)
    clock.now = '2026-11-21T09:30:00.000Z'
    await hear(`${held}/notification.opted_out/direct.email`)
    await hear(`${await send(second, { category: 'tips' })}/notification.sent/direct.email`)
  })

  it.each(ways)('what is suppressed is told %s to nobody', async (_, first, second) => {
    const { send, post, hear } = await opened()
    await post('/suppressions', { channel: 'email', address: 'ann@b.test', reason: 'wanted' })
    for (const to of [first, second])
      expect((await hear(`${await send(to)}/notification.failed/direct.email`)).data.reason).toContain('suppressed')
  })

  it.each(ways)('the throttle counts what is sent %s', async (_, first, second) => {
    const { send, hear, get } = await opened({ THROTTLE_MAX: '1', THROTTLE_SECONDS: '600' })
    await hear(`${await send(first)}/notification.sent/direct.email`)
    const id = await send(second)
    expect((await get(`/notifications/${id}`)).body.deliveries).toMatchObject([
      { status: 'held', heldBecause: 'throttled' },
    ])
  })

  it.each(ways)('one digest gathers what is sent %s', async (_, first, second) => {
    const { send, hear, clock } = await opened({ DIGEST_CATEGORIES: 'newsletter', DIGEST_SECONDS: '600' })
    const ids = [await send(first), await send(second)]
    clock.now = '2026-11-21T08:40:00.000Z'
    const digests = await Promise.all(ids.map((id) => hear(`${id}/notification.digested/direct.email`)))
    expect(digests[0]?.data.digestId).toBe(digests[1]?.data.digestId)
  })

  it('when a customer sleeps, by their own clock, their bare address sleeps too', async () => {
    const { send, put, get } = await opened()
    await put('/customers/cleo', { addresses: { email: 'cleo@b.test' }, timeZone: 'Asia/Tokyo' })
    // Half past eight in the morning is half past five in the afternoon there.
    await put('/customers/cleo/preferences', { quietHours: '17:00-18:00', categories: {} })
    const id = await send({ email: 'cleo@b.test' })
    expect((await get(`/notifications/${id}`)).body.deliveries).toMatchObject([
      { status: 'held', heldBecause: 'quiet_hours', dueAt: '2026-11-21T09:00:00.000Z' },
    ])
  })

  it('an address that a customer has left is nobody’s any more', async () => {
    const { send, click, hear, asked, get } = await opened()
    const id = await send(byCustomer)
    await hear(`${id}/notification.sent/direct.email`)
    await click(id)
    const tag = (await get('/customers/ann')).headers.get('etag') ?? ''
    const moved = await asked('PUT', '/customers/ann', { addresses: { email: 'new@b.test' } }, { 'if-match': tag })
    expect(moved.status).toBe(200)
    await hear(`${await send(byAddress)}/notification.sent/direct.email`)
    await hear(`${await send({ email: 'new@b.test' })}/notification.opted_out/direct.email`)
  })
})

it('news of an order goes to its customer’s own address, in their language, where the order names none', async () => {
  const { put, say, hear, get } = await openServices()
  await put('/customers/ann', { addresses: { email: 'ann@b.test' }, locale: 'de' })
  await say(InventoryReserved.of('1', at, { ...order, user: 'ann' }))
  await say(InventoryReserved.of('2', at, { ...order, user: 'ann', contact: { email: 'other@b.test' } }))
  await say(InventoryReserved.of('3', at, { ...order, user: 'bob' }))
  for (const orderId of ['1', '2', '3']) await hear(`${orderId}/notification.sent/order.created.email`)
  const addresses = await Promise.all(['1', '2', '3'].map((id) => get(`/notifications/${id}.order.created`)))
  expect(addresses.map(({ body }) => [body.addresses.email, body.locale])).toEqual([
    ['ann@b.test', 'de'],
    ['other@b.test', 'de'],
    ['bob@example.com', null],
  ])
})

it('where mails really go out and nobody is to be invented, news without an address fails, and is found', async () => {
  const env = { SMTP_URL: 'smtp://127.0.0.1:9', DEFAULT_EMAIL_DOMAIN: 'none' }
  const { say, hear, get, said } = await openServices({ env })
  await say(InventoryReserved.of('1', at, { ...order, user: 'bob' }))
  expect((await hear('1/notification.failed/order.created.email')).data.reason).toBe('no_address')
  expect(said()).toEqual(['1/notification.failed/order.created.email'])
  expect((await get('/notifications?status=failed')).body.notifications).toMatchObject([{ id: '1.order.created' }])
})

it('a click on a link between reading preferences and replacing them is not undone', async () => {
  const { get, asked, put } = await openServices()
  const path = '/customers/ann/preferences'
  const first = await put(path, { categories: { newsletter: { sms: false } } })
  expect(first.status).toBe(200)
  const read = await get(path)
  const tag = read.headers.get('etag') ?? ''
  expect(tag).toBe(first.headers.get('etag'))
  const replaced = await asked('PUT', path, { categories: { newsletter: { email: false } } }, { 'if-match': tag })
  expect(replaced.status).toBe(200)
  const stale = await asked('PUT', path, read.body, { 'if-match': tag })
  expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed'])
  expect(stale.headers.get('content-type')).toContain('application/problem+json')
  expect((await put(path, read.body)).status).toBe(428)
  expect((await get(path)).body).toMatchObject({ categories: { newsletter: { email: false } } })
})

it('who replaces a customer says which one they have read; who says the same again changes nothing', async () => {
  const { get, asked, put, clock } = await openServices()
  const path = '/customers/ann'
  const first = await asked('PUT', path, { addresses: { email: 'ann@B.test' } }, { 'if-none-match': '*' })
  expect(first.status).toBe(200)
  const known = await get(path)
  const [newer, older] = [{ addresses: { email: 'new@b.test' } }, { addresses: { email: 'old@b.test' } }]
  const blind = await put(path, newer)
  expect([blind.status, blind.body.code]).toEqual([428, 'precondition_required'])
  clock.now = '2026-11-21T08:31:00.000Z'
  const again = await put(path, { addresses: { email: 'ann@b.test' } })
  expect([again.status, again.body, again.headers.get('etag')]).toEqual([200, known.body, known.headers.get('etag')])
  const ifMatch = { 'if-match': known.headers.get('etag') ?? '' }
  const replaced = await asked('PUT', path, newer, ifMatch)
  expect([replaced.status, replaced.body.updatedAt]).toEqual([200, clock.now])
  const stale = await asked('PUT', path, older, ifMatch)
  expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed'])
  expect((await asked('PUT', path, older, { 'if-none-match': '*' })).status).toBe(412)
  expect((await get(path)).body).toMatchObject(newer)
})
