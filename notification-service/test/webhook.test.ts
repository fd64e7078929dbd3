// The webhook channel against real HTTP servers: what is sent and how it is signed, and what each answer means.
import { PermanentError } from '@orders/shared/runtime'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, it } from 'vitest'
import { AddressGoneError, ProviderError } from '../channels/sender.ts'
import { openWebhook, secretsOf } from '../channels/webhook.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { type Answering, type Stub, startStub } from './stub.ts'
import { set, style } from './templates.ts'

const settings = { webhookSecret: 'a-master-secret-of-24-chars', webhookAllowPrivate: true }
const signal = new AbortController().signal
const stubs: Stub[] = []
const stub = async (answer: () => Answering) => {
  const one = await startStub(answer)
  stubs.push(one)
  return one
}
afterEach(async () => {
  await Promise.all(stubs.splice(0).map((one) => one.close()))
})

const told = { user: 'gayal', priority: 'standard' as const, totalCents: 2500 }
const outgoing = (address: string): Outgoing => ({
  notificationId: '123.order.paid',
  eventType: 'order.paid',
  orderId: '123',
  channel: 'webhook',
  address,
  content: set.render(newsWords('order.paid', '123', told, style)),
  createdAt: '2026-11-21T08:30:00.000Z',
})

const now = () => new Date()
const failureAt = async (answer: Answering, timeoutMs?: number) => {
  const { url } = await stub(() => answer)
  return openWebhook(settings, now, timeoutMs)
    .send(outgoing(`${url}/secret-hook`), signal)
    .catch((error: unknown) => error)
}

it('is verified by the field’s own library, with a stable id and a body that is the same each time', async () => {
  const { url, asked } = await stub(() => ({ status: 204 }))
  const webhook = openWebhook(settings, now)
  expect(await webhook.send(outgoing(url), signal)).toBe('123.order.paid')
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  await webhook.send(outgoing(url), signal, { traceparent })
  const [first, second] = asked
  expect([first?.headers.traceparent, second?.headers.traceparent]).toEqual([undefined, traceparent])
  const [secret = ''] = secretsOf(settings.webhookSecret, url)
  for (const { body, headers } of asked)
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'order.paid',
      timestamp: '2026-11-21T08:30:00.000Z',
      data: { notificationId: '123.order.paid', orderId: '123', subject: 'Order 123 is paid' },
    })
  expect([first?.headers['webhook-id'], second?.headers['webhook-id']]).toEqual(['123.order.paid', '123.order.paid'])
  expect(second?.body).toBe(first?.body)
})

it('is signed with a secret that belongs to one URL, by the old master secret and the new one', async () => {
  const { url, asked } = await stub(() => ({ status: 200 }))
  const webhookSecret = 'the-new-master-secret-of-24,a-master-secret-of-24-chars'
  await openWebhook({ ...settings, webhookSecret }, now).send(outgoing(url), signal)
  const verify = (secret = '') =>
    new Webhook(secret).verify(asked[0]?.body ?? '', asked[0]?.headers as Record<string, string>)
  for (const secret of secretsOf(webhookSecret, url)) expect(verify(secret)).toBeTruthy()
  expect(() => verify(secretsOf(webhookSecret, `${url}/other`)[0])).toThrow(/signature/i)
})

it('whoever verifies at a URL without a path goes on with the secret of that URL as it was typed', async () => {
  const { url, asked } = await stub(() => ({ status: 200 }))
  await openWebhook(settings, now).send(outgoing(`${url}/`), signal)
  const headers = asked[0]?.headers as Record<string, string>
  for (const form of [url, `${url}/`]) {
    const [secret = ''] = secretsOf(settings.webhookSecret, form)
    expect(new Webhook(secret).verify(asked[0]?.body ?? '', headers)).toBeTruthy()
  }
})

describe('an endpoint that answers', () => {
  it.each([
    [400, PermanentError, 'webhook_refused'],
    [404, PermanentError, 'webhook_refused'],
    [408, ProviderError, 'webhook_deferred'],
    [410, AddressGoneError, 'unsubscribed'],
    [429, ProviderError, 'webhook_deferred'],
    [500, ProviderError, 'webhook_deferred'],
    [503, ProviderError, 'webhook_deferred'],
  ])('%i', async (status, kind, code) => {
    const failure = await failureAt({ status })
    expect(failure).toBeInstanceOf(kind)
    expect(failure).toMatchObject({ code })
    expect(JSON.stringify([failure, String(failure)])).not.toContain('secret-hook')
  })

  it('when to come back, in seconds or by date, is listened to', async () => {
    expect(await failureAt({ status: 429, headers: { 'retry-after': '120' } })).toMatchObject({
      retryAfterSeconds: 120,
    })
    const date = new Date(Date.now() + 90_000).toUTCString()
    const { retryAfterSeconds } = (await failureAt({ status: 503, headers: { 'retry-after': date } })) as ProviderError
    expect(retryAfterSeconds).toBeGreaterThan(60)
    expect(retryAfterSeconds).toBeLessThanOrEqual(90)
    expect(await failureAt({ status: 503, headers: { 'retry-after': 'soon' } })).toMatchObject({ retryAfterSeconds: 0 })
  })

  it.each([301, 302, 307, 308])('%i is not followed', async (status) => {
    const elsewhere = await stub(() => ({ status: 200 }))
    expect(await failureAt({ status, headers: { location: elsewhere.url } })).toMatchObject({
      name: 'PermanentError',
      code: 'webhook_redirected',
    })
    expect(elsewhere.asked).toEqual([])
  })

  it('never, or hangs up, may have taken it', async () => {
    const unknown = { name: 'ProviderError', code: 'no_answer', outcome: 'unknown' }
    expect(await failureAt({ status: 200, silent: true }, 200)).toMatchObject(unknown)
    expect(await failureAt({ status: 200, hangsUp: true })).toMatchObject(unknown)
  })

  it('without end is not read', async () => {
    const body = { padding: 'x'.repeat(50_000_000) }
    expect(await failureAt({ status: 200, body })).toBe('123.order.paid')
  })
})

it('an endpoint that is not there has certainly not taken it', async () => {
  const { url, close } = await stub(() => ({ status: 200 }))
  await close()
  const failure = await openWebhook(settings, now)
    .send(outgoing(url), signal)
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'unreachable', outcome: 'refused' })
})

it.each(['ftp://example.org/', 'not a url', 'https://user:password@example.org/', 'file:///etc/passwd'])(
  'to %s nothing is sent',
  async (url) => {
    await expect(openWebhook(settings, now).send(outgoing(url), signal)).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'bad_url',
    })
  },
)
