// The whole service with its real channels, over an in-memory broker and providers that run in the test.
import { createECDH, createHmac } from 'node:crypto'
import { InventoryReserved, type Message, OrderPaid, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type LogLine,
  type MemoryBroker,
  scratchFolder,
  tracing,
  typesInTrace,
} from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NotificationConfig } from '../../config.ts'
import { notificationService } from '../../service.ts'
import { type Answering, type Asked, type Stub, startStub } from '../stub.ts'

/** The clock runs a hundred times as fast, and what the broker counts passes in a hundredth of its time. */
const HURRY = 100
const startedMs = Date.now()
const now = () => new Date(startedMs + (Date.now() - startedMs) * HURRY)

const at = '2026-11-21T08:30:00.000Z'
let scratch: Awaited<ReturnType<typeof scratchFolder>>
let provider: Stub
let broker: MemoryBroker
let service: RunningService | undefined
let lines: LogLine[]
/** What the provider answers, in turn; then that all is well. */
let answers: Answering[]
const well: Answering = { status: 200 }

beforeEach(async () => {
  scratch = await scratchFolder()
  answers = []
  provider = await startStub((asked) => answerTo(asked) ?? answers.shift() ?? well)
  broker = createMemoryBroker(topology, (delayMs, work) => {
    const timer = setTimeout(work, delayMs / HURRY)
    return () => clearTimeout(timer)
  })
})
afterEach(async () => {
  // First, so that nothing waits for what is not answered.
  await provider.close()
  if (service) expect(await service.close()).toEqual({ clean: true })
  service = undefined
  await scratch.remove()
})

/** What a test's provider always answers to some requests. */
let answerTo: (asked: Asked) => Answering | undefined = () => undefined

async function start(environment: Record<string, string>): Promise<void> {
  const config = { ...readConfig(NotificationConfig, { DATA_DIR: scratch.path, ...environment }), portBase: 0 }
  const keeping = await keepingLog('notification-service')
  lines = keeping.lines
  service = await startService(notificationService, config, {
    log: keeping.log,
    now,
    openBroker: (name) => broker.connect(name),
    broken: (error) => {
      throw error
    },
  })
}

const say = (message: Message) => broker.connect('test').publish(encode(registry, message, 'order-service', {}))
const created = (orderId: string, contact: object) =>
  InventoryReserved.of(orderId, at, { user: 'gayal', priority: 'standard', contact, lines: [], totalCents: 0 })
const paid = (orderId: string, contact: object) =>
  OrderPaid.of(orderId, at, { user: 'gayal', priority: 'standard', contact })
const heard = () =>
  broker.messages('audit.queue').map(({ body }) => JSON.parse(body) as { id: string; data: Record<string, unknown> })
const hear = (id: string) => eventually(`${id} is said`, () => heard().find((event) => event.id === id))
const ask = (path: string, init?: RequestInit) => fetch(`${service?.url}${path}`, init)
const get = async (path: string) => (await ask(path)).json() as Promise<Record<string, unknown>>

const SLOW = { timeout: 30_000 }

describe('a webhook', SLOW, () => {
  const secret = { WEBHOOK_SECRET: 'a-master-secret-of-24-chars' }
  const startHere = () => start({ ...secret, WEBHOOK_ALLOW_PRIVATE: 'true' })

  it('that asks for patience gets it, and then the message, once more with the same id', async () => {
    await startHere()
    answers = [{ status: 503 }, { status: 429, headers: { 'retry-after': '70' } }]
    const webhook = `${provider.url}/secret-hook`
    await say(created('1', { webhook }))
    await hear('1/notification.sent/order.created.webhook')
    expect(provider.asked.map(({ headers }) => headers['webhook-id'])).toEqual(Array(3).fill('1.order.created'))
    const [first = 0, second = 0, third = 0] = provider.asked.map(({ headers }) => Number(headers['webhook-timestamp']))
    expect(second - first).toBeGreaterThanOrEqual(1)
    expect(third - second).toBeGreaterThanOrEqual(69)
    expect(await get('/notifications/1.order.created')).toMatchObject({
      status: 'sent',
      attempts: [
        { attempt: 1, provider: 'webhook', outcome: 'failed', error: 'the endpoint answered 503' },
        { attempt: 2, provider: 'webhook', outcome: 'failed', error: 'the endpoint answered 429' },
        { attempt: 3, provider: 'webhook', outcome: 'sent' },
      ],
    })
    expect(JSON.stringify(lines)).not.toContain('secret-hook')
  })

  it('that has gone is told nothing more until an operator says so, and no log line shows its URL', async () => {
    await startHere()
    answers = [{ status: 410 }]
    const webhook = `${provider.url}/secret-hook`
    await say(created('1', { webhook }))
    await hear('1/notification.failed/order.created.webhook')
    await say(paid('1', { webhook }))
    const { data } = await hear('1/notification.failed/order.paid.webhook')
    expect(data.reason).toMatch(/^suppressed: unsubscribed/)
    expect(provider.asked).toHaveLength(1)
    // The one that found out lies in the dead letters; what is suppressed does not.
    await eventually('the dead letter', () => broker.messages('notification.webhook.dlq').length === 1)
    const entry = { channel: 'webhook', address: webhook, notificationId: '1.order.created' }
    expect(await get(`/suppressions?address=${encodeURIComponent(webhook)}`)).toMatchObject({ suppressions: [entry] })
    expect(await get('/suppressions')).toMatchObject({ suppressions: [entry] })
    expect(await get('/suppressions?address=other')).toEqual({ suppressions: [], next: null })

    const remove = () => ask(`/suppressions/${encodeURIComponent(webhook)}`, { method: 'DELETE' })
    expect((await remove()).status).toBe(204)
    expect(await (await remove()).json()).toMatchObject({ status: 404, code: 'no_such_suppression' })
    await say(created('2', { webhook }))
    await hear('2/notification.sent/order.created.webhook')
    expect(broker.messages('notification.webhook.dlq')).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toContain('secret-hook')
  })

  it('at a private address is refused, unless the configuration lets it', async () => {
    await start(secret)
    await say(created('1', { webhook: provider.url }))
    const { data } = await hear('1/notification.failed/order.created.webhook')
    expect(data.reason).toMatch(/^private_address: /)
    expect(provider.asked).toEqual([])
  })

  it('that is dead delays nobody', async () => {
    await startHere()
    const dead = `${provider.url}/dead`
    answerTo = ({ path }) => (path === '/dead' ? { status: 200, silent: true } : undefined)
    for (let order = 0; order < 40; order++) await say(created(`dead${order}`, { webhook: dead }))
    await say(created('alive', { webhook: `${provider.url}/alive` }))
    await hear('alive/notification.sent/order.created.webhook')
    expect(provider.asked.filter(({ path }) => path === '/dead').length).toBeLessThanOrEqual(16)
    answerTo = () => undefined
  })

  it('has a secret of its own, for operators to hand out', async () => {
    await startHere()
    const secretOf = async (url: string) => {
      const headers = { 'content-type': 'application/json' }
      return (await ask('/webhooks/secret', { method: 'POST', headers, body: JSON.stringify({ url }) })).json()
    }
    const answer = { secrets: [expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)] }
    expect(await secretOf('https://example.org/a')).toEqual(answer)
    expect(await secretOf('https://example.org/a')).not.toEqual(await secretOf('https://example.org/b'))
  })
})

describe('an SMS', SLOW, () => {
  const settings = () => ({
    TWILIO_ACCOUNT_SID: 'AC1',
    TWILIO_AUTH_TOKEN: 'secret',
    TWILIO_FROM: '+15005550006',
    TWILIO_BASE_URL: provider.url,
    CALLBACK_URL: 'https://notify.example.com',
  })
  const phone = '+94112345678'

  /** As Twilio does it. */
  function callback(notificationId: string, fields: Record<string, string>, token = 'secret') {
    const path = `/callbacks/twilio?notification=${notificationId}`
    const signed = Object.keys(fields)
      .sort()
      .map((name) => name + fields[name])
    const text = `https://notify.example.com${path}${signed.join('')}`
    const signature = createHmac('sha1', token).update(text).digest('base64')
    return ask(path, {
      method: 'POST',
      headers: { 'x-twilio-signature': signature, ...tracing },
      body: new URLSearchParams(fields),
    })
  }

  it('is sent once, and what Twilio tells of it later is kept and said once', async () => {
    await start(settings())
    answers = [{ status: 429 }, { status: 201, body: { sid: 'SM1' } }]
    await say(created('1', { phone }))
    expect((await hear('1/notification.sent/order.created.sms')).data).toMatchObject({
      provider: 'twilio',
      providerId: 'SM1',
    })
    const fields = { MessageSid: 'SM1', MessageStatus: 'sent', AccountSid: 'AC1' }
    expect((await callback('1.order.created', fields)).status).toBe(204)
    for (let time = 0; time < 2; time++)
      expect((await callback('1.order.created', { ...fields, MessageStatus: 'delivered' })).status).toBe(204)
    expect((await hear('1/notification.delivered/order.created.sms')).data).toEqual({
      notificationId: '1.order.created',
      channel: 'sms',
      providerId: 'SM1',
    })
    expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['notification.delivered'])
    expect(await get('/notifications/1.order.created')).toMatchObject({
      status: 'sent',
      attempts: [
        { provider: 'twilio', outcome: 'failed' },
        { provider: 'twilio', outcome: 'sent' },
      ],
      reports: [{ status: 'sent' }, { channel: 'sms', status: 'delivered', providerId: 'SM1', error: null }],
    })
    await say(created('2', { phone }))
    await hear('2/notification.requested/order.created')
    expect(heard().filter(({ id }) => id.includes('notification.delivered'))).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toMatch(/94112345678|secret/)
  })

  it('that did not arrive, since nobody has the number, is the last one to it', async () => {
    await start(settings())
    answerTo = () => ({ status: 201, body: { sid: 'SM1' } })
    await say(created('1', { phone }))
    await hear('1/notification.sent/order.created.sms')
    await callback('1.order.created', { MessageSid: 'SM1', MessageStatus: 'undelivered', ErrorCode: '30005' })
    expect((await hear('1/notification.undelivered/order.created.sms')).data).toMatchObject({
      reason: 'twilio error 30005',
    })
    expect(await get('/notifications/1.order.created')).toMatchObject({
      status: 'undelivered',
      deliveries: [{ channel: 'sms', status: 'undelivered', provider: 'twilio', error: 'twilio error 30005' }],
      attempts: [{ outcome: 'sent' }],
    })
    expect(await get('/notifications?status=undelivered')).toMatchObject({ notifications: [{ id: '1.order.created' }] })
    await say(paid('1', { phone }))
    expect((await hear('1/notification.failed/order.paid.sms')).data.reason).toBe('suppressed: twilio error 30005')
    expect(provider.asked).toHaveLength(1)
    answerTo = () => undefined
  })

  it('is reported of by Twilio only', async () => {
    await start(settings())
    const fields = { MessageSid: 'SM1', MessageStatus: 'delivered' }
    expect(await (await callback('1.order.created', fields, 'guess')).json()).toMatchObject({
      code: 'signature_refused',
    })
    expect((await callback('1.order.created', fields)).status).toBe(204)
    expect((await callback('1.order.created', { MessageSid: 'SM1' })).status).toBe(400)
    expect(await get('/notifications/1.order.created')).toMatchObject({ status: 404 })
  })
})

it('half a configuration is refused at the start', async () => {
  await expect(start({ TWILIO_ACCOUNT_SID: 'AC1' })).rejects.toMatchObject({ code: 'bad_configuration' })
})

describe('a push', SLOW, () => {
  const browser = createECDH('prime256v1')
  const keys = { p256dh: browser.generateKeys('base64url'), auth: Buffer.alloc(16, 7).toString('base64url') }

  it('to a browser that is gone is the last one to it, and to another goes on', async () => {
    await start({
      VAPID_PRIVATE_KEY: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    })
    const push = (path: string) => JSON.stringify({ endpoint: provider.url + path, keys })
    answers = [{ status: 410 }]
    await say(created('1', { push: push('/gone') }))
    expect((await hear('1/notification.failed/order.created.push')).data.reason).toMatch(/^unsubscribed: /)
    await say(paid('1', { push: push('/gone') }))
    expect((await hear('1/notification.failed/order.paid.push')).data.reason).toMatch(/^suppressed: unsubscribed/)
    await say(created('2', { push: push('/here') }))
    expect((await hear('2/notification.sent/order.created.push')).data.provider).toBe('web-push')
    expect(provider.asked.map(({ path }) => path)).toEqual(['/gone', '/here'])
    expect(await get('/suppressions')).toMatchObject({
      suppressions: [{ channel: 'push', address: `${provider.url}/gone` }],
    })
    expect(JSON.stringify(lines)).not.toMatch(/\/gone|\/here/)
  })
})
