// Providers that leave us waiting: one takes a message and never says so, while the service is killed; another asks for
// more patience than any wait of ours. Either way the message arrives once.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Story, typesOf } from '../support/story.ts'
import { prepareSystem, type System } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const PATIENCE_SECONDS = 33

let vhost: Vhost
let system: System
let provider: Server
/** What Twilio has queued, in its own form. */
const messages: { sid: string; body: string; date_created: string }[] = []
const hooks: { id: string; atMs: number }[] = []

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request)
  if (request.url === '/hook') {
    hooks.push({ id: String(request.headers['webhook-id']), atMs: Date.now() })
    if (hooks.length > 1) return void response.writeHead(204).end()
    return void response.writeHead(429, { 'retry-after': String(PATIENCE_SECONDS) }).end()
  }
  if (request.method === 'GET') return void response.end(JSON.stringify({ messages }))
  // Taken, and never answered.
  const form = new URLSearchParams(body)
  messages.push({
    sid: `SM${messages.length}`,
    body: form.get('Body') ?? '',
    date_created: new Date().toUTCString(),
  })
}

beforeAll(async () => {
  vhost = await createVhost()
  provider = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const { port } = provider.address() as AddressInfo
  const environment = {
    TWILIO_ACCOUNT_SID: 'AC1',
    TWILIO_AUTH_TOKEN: 'secret',
    TWILIO_FROM: '+15005550006',
    TWILIO_BASE_URL: `http://127.0.0.1:${port}`,
    WEBHOOK_SECRET: 'a-master-secret-of-24-chars',
    WEBHOOK_ALLOW_PRIVATE: 'true',
    CHANNEL_PATIENCE_MS: '300000',
  }
  system = await prepareSystem({ amqpUrl: vhost.amqpUrl, environment })
  await Promise.all([system.start('notification'), system.start('audit')])
}, 120_000)

afterAll(async () => {
  await system?.stop()
  provider?.closeAllConnections()
  provider?.close()
  await vhost?.remove()
}, 60_000)

const notify = (to: object) => system.post('/notifications', { to, subject: 'Hello', body: 'There.' }, 'notification')
const settled = (id: string) =>
  eventually(
    `${id} is sent`,
    async () => {
      const now = await system.get<{ status: string; attempts: object[] }>(`/notifications/${id}`, 'notification')
      return now.status === 'sent' && now
    },
    150_000,
  )

/** Its row says that it is sent before the audit hears of it. */
const told = async (id: string) => typesOf(await system.get<Partial<Story>>(`/audit/orders/${id}`, 'audit'))
const heard = (id: string) => eventually('the audit has heard of it', async () => (await told(id))['notification.sent'])

/** order-service does not run here, so what it hears waits; and what the others are told of keys. */
async function waitingForUs(): Promise<Record<string, number>> {
  const { 'order.queue': _, ...others } = await vhost.waiting()
  return Object.fromEntries(Object.entries(others).filter(([name]) => !name.endsWith('.keys.queue')))
}

it('an SMS is sent once, though its answer never comes and the service is killed over it', async () => {
  const { body } = await notify({ phone: '+94112345678' })
  const { id } = body as { id: string }
  await eventually('Twilio has taken it', () => messages.length > 0, 60_000)
  await system.kill('notification')
  await system.start('notification')
  expect(await settled(id)).toMatchObject({
    deliveries: [{ channel: 'sms', status: 'sent', provider: 'twilio', providerId: 'SM0' }],
  })
  expect(messages).toHaveLength(1)
  await heard(id)
  expect(await told(id)).toEqual({ 'notification.requested': 1, 'notification.sent': 1 })
  expect(await waitingForUs()).toEqual({})
}, 240_000)

it('a webhook that asks for more patience than we would have is not called before', async () => {
  const { port } = provider.address() as AddressInfo
  const { body } = await notify({ webhook: `http://127.0.0.1:${port}/hook` })
  const { id } = body as { id: string }
  expect(await settled(id)).toMatchObject({ attempts: [{ attempt: 1 }, { attempt: 2, outcome: 'sent' }] })
  const [first, second] = hooks
  expect(hooks.map((hook) => hook.id)).toEqual([id, id])
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(PATIENCE_SECONDS * 1_000)
  await heard(id)
  expect(await waitingForUs()).toEqual({})
}, 240_000)
