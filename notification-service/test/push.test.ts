// Push against servers that answer as FCM and the browsers' push services do, and the encryption of RFC 8291.
import { createDecipheriv, createECDH, createPublicKey, generateKeyPairSync, hkdfSync, verify } from 'node:crypto'
import { PermanentError } from '@orders/shared/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFcm } from '../channels/fcm.ts'
import { AddressGoneError, ProviderError } from '../channels/sender.ts'
import { encrypted, openWebPush, pushServiceOf } from '../channels/web-push.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { subscriptionOf } from '../web-addresses.ts'
import { type Answering, type Asked, type Stub, startStub } from './stub.ts'
import { set, style } from './templates.ts'

const signal = new AbortController().signal
const startedAt = new Date('2026-11-21T08:30:00.000Z')
let nowMs: number
const now = () => new Date(nowMs)
let stub: Stub
let answer: (asked: Asked) => Answering
beforeEach(async () => {
  nowMs = startedAt.getTime()
  stub = await startStub((asked) => answer(asked))
})
afterEach(() => stub.close())

const SHORT = 'Your payment of €25.00 for order 123 has arrived.'
const outgoing = (address: string): Outgoing => ({
  notificationId: '123.order.paid',
  eventType: 'order.paid',
  orderId: '123',
  channel: 'push',
  address,
  content: set.render(newsWords('order.paid', '123', { user: 'gayal', priority: 'standard', totalCents: 2500 }, style)),
  createdAt: startedAt.toISOString(),
})

function saying(short: string, address: string): Outgoing {
  const { content, ...rest } = outgoing(address)
  return { ...rest, content: { ...content, short } }
}

/** A token's claims, after its signature has been verified. */
function claimsOf(token: string, algorithm: 'RS256' | 'ES256', key: Parameters<typeof createPublicKey>[0] & object) {
  const [header = '', claims = '', signature = ''] = token.split('.')
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: algorithm, typ: 'JWT' })
  const signed = Buffer.from(`${header}.${claims}`)
  const how = { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' } as const
  expect(verify('sha256', signed, how, Buffer.from(signature, 'base64url'))).toBe(true)
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

describe('FCM', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const account = () =>
    JSON.stringify({
      project_id: 'shop',
      client_email: 'push@shop.iam.gserviceaccount.com',
      private_key: PEM,
      token_uri: `${stub.url}/token`,
    })
  const fcm = () => openFcm({ serviceAccount: account(), baseUrl: stub.url }, now)
  const granted = { status: 200, body: { access_token: 'ya29.secret', expires_in: 3599, token_type: 'Bearer' } }
  const taken = { status: 200, body: { name: 'projects/shop/messages/0:1' } }
  const isToken = ({ path }: Asked) => path === '/token'
  const tokensAsked = () => stub.asked.filter(isToken).length
  /** https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode, in Google's envelope. */
  const error = (status: number, general: string, errorCode: string, headers = {}): Answering => ({
    status,
    headers,
    body: {
      error: {
        code: status,
        message: 'The token app-token is not registered.',
        status: general,
        details: [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode }],
      },
    },
  })
  const failureAt = (failing: Answering) => {
    answer = (asked) => (isToken(asked) ? granted : failing)
    return fcm()
      .send(outgoing('app-token'), signal)
      .catch((thrown: unknown) => thrown)
  }

  it('gets the message with a token that Google gave for a signed assertion', async () => {
    answer = (asked) => (isToken(asked) ? granted : taken)
    expect(await fcm().send(outgoing('app-token'), signal)).toBe('projects/shop/messages/0:1')
    const [token, message] = stub.asked
    const grant = new URLSearchParams(token?.body)
    expect(grant.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    expect(
      claimsOf(grant.get('assertion') ?? '', 'RS256', publicKey.export({ type: 'spki', format: 'pem' }) as never),
    ).toEqual({
      iss: 'push@shop.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/firebase.messaging',
      aud: `${stub.url}/token`,
      iat: nowMs / 1_000,
      exp: nowMs / 1_000 + 3_600,
    })
    expect(message).toMatchObject({
      path: '/v1/projects/shop/messages:send',
      headers: { authorization: 'Bearer ya29.secret' },
    })
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      message: {
        token: 'app-token',
        notification: { title: 'Order 123 is paid', body: SHORT },
        data: { notificationId: '123.order.paid', orderId: '123' },
        android: { collapse_key: '123.order.paid' },
        apns: { headers: { 'apns-collapse-id': '123.order.paid' } },
      },
    })
  })

  it('is asked for a token once, until that has almost ended or is refused', async () => {
    let isRefused = false
    answer = (asked) => (isToken(asked) ? granted : isRefused ? error(401, 'UNAUTHENTICATED', '') : taken)
    const sender = fcm()
    await sender.send(outgoing('a'), signal)
    nowMs += 3_000_000
    await sender.send(outgoing('b'), signal)
    expect(tokensAsked()).toBe(1)
    nowMs += 300_000
    await sender.send(outgoing('c'), signal)
    expect(tokensAsked()).toBe(2)
    isRefused = true
    await expect(sender.send(outgoing('d'), signal)).rejects.toBeInstanceOf(ProviderError)
    isRefused = false
    await sender.send(outgoing('d'), signal)
    expect(tokensAsked()).toBe(3)
  })

  it.each([
    ['an app that is gone', error(404, 'NOT_FOUND', 'UNREGISTERED'), AddressGoneError, 'unsubscribed'],
    ['somebody else’s page', { status: 404 }, ProviderError, 'push_deferred'],
    ['a project that is not there', error(404, 'NOT_FOUND', ''), ProviderError, 'push_deferred'],
    ['a token that is none', error(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'), PermanentError, 'push_refused'],
    ['another project’s token', error(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'), PermanentError, 'push_refused'],
    ['too many', error(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'), ProviderError, 'push_deferred'],
    ['a key without rights', error(403, 'PERMISSION_DENIED', ''), ProviderError, 'push_deferred'],
    ['overload', error(503, 'UNAVAILABLE', 'UNAVAILABLE'), ProviderError, 'push_deferred'],
    ['a fault of its own', error(500, 'INTERNAL', 'INTERNAL'), ProviderError, 'push_deferred'],
  ])('answers %s', async (_, failing, kind, code) => {
    const failure = await failureAt(failing)
    expect(failure).toBeInstanceOf(kind)
    expect(failure).toMatchObject({ code })
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/app-token|ya29/)
  })

  it('shows a long text’s beginning, in whole characters', async () => {
    answer = (asked) => (isToken(asked) ? granted : taken)
    await fcm().send(saying(`${'x'.repeat(999)}😀 and more`, 'app-token'), signal)
    const sent = JSON.parse(stub.asked.at(-1)?.body ?? '')
    expect(sent.message.notification.body).toBe('x'.repeat(999))
  })

  it('says when to come back', async () => {
    const failure = await failureAt(error(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { 'retry-after': '60' }))
    expect(failure).toMatchObject({ retryAfterSeconds: 60, outcome: 'refused' })
  })

  it('certainly has not the message while Google gives no token', async () => {
    answer = () => ({ status: 400, body: { error: 'invalid_grant' } })
    await expect(fcm().send(outgoing('a'), signal)).rejects.toMatchObject({ code: 'push_deferred', outcome: 'refused' })
    answer = () => ({ status: 200, hangsUp: true })
    await expect(fcm().send(outgoing('a'), signal)).rejects.toMatchObject({ code: 'push_deferred', outcome: 'refused' })
  })

  it.each(['no json', '{}', '{"project_id":"a","client_email":"b"}'])('does not start with %s as account', (json) => {
    expect(() => openFcm({ serviceAccount: json, baseUrl: stub.url }, now)).toThrow(/FCM_SERVICE_ACCOUNT/)
  })
})

describe('Web Push', () => {
  const browser = createECDH('prime256v1')
  const p256dh = browser.generateKeys('base64url')
  const auth = Buffer.from('0123456789abcdef').toString('base64url')
  const subscription = (endpoint: string, keys: object = { p256dh, auth }) =>
    JSON.stringify({ endpoint, expirationTime: null, keys })
  const vapidPrivateKey = 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'
  const settings = { vapidPrivateKey, vapidSubject: 'mailto:a@example.org', webhookAllowPrivate: true }
  const webPush = (change = {}) => openWebPush({ ...settings, ...change }, now)
  const failureAt = (failing: Answering, address = subscription(`${stub.url}/secret-path`), change = {}) => {
    answer = () => failing
    return webPush(change)
      .send(outgoing(address), signal)
      .catch((thrown: unknown) => thrown)
  }

  it('encrypts to the byte as the example of RFC 8291 does', () => {
    const from = (text: string) => Buffer.from(text, 'base64url')
    const keys = {
      p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    }
    const seeds = {
      salt: from('DGv6ra1nlYgDCS1FRnbzlw'),
      privateKey: from('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
    }
    const body = encrypted(Buffer.from('When I grow up, I want to be a watermelon'), keys, seeds)
    expect(body.toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    )
  })

  it('says who asks, and what only the browser can read', async () => {
    answer = () => ({ status: 201, headers: { location: 'https://push.example.org/message/1' } })
    const id = await webPush().send(outgoing(subscription(stub.url)), signal)
    expect(id).toBe('https://push.example.org/message/1')
    const { headers = {}, bytes = Buffer.alloc(0) } = stub.asked[0] ?? {}
    expect(headers).toMatchObject({
      'content-encoding': 'aes128gcm',
      ttl: '86400',
      topic: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
    })
    const [, token = '', key = ''] = /^vapid t=(\S+), k=(\S+)$/.exec(String(headers.authorization)) ?? []
    const point = Buffer.from(key, 'base64url')
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    }
    expect(key).toBe('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4')
    expect(claimsOf(token, 'ES256', { key: jwk, format: 'jwk' })).toEqual({
      aud: stub.url,
      exp: nowMs / 1_000 + 43_200,
      sub: 'mailto:a@example.org',
    })
    expect(JSON.parse(decrypted(bytes))).toEqual({
      notificationId: '123.order.paid',
      eventType: 'order.paid',
      orderId: '123',
      title: 'Order 123 is paid',
      body: SHORT,
    })
  })

  it.each(['x'.repeat(999), '', 'x'])('shows whole characters of a text that begins with %j', async (before) => {
    answer = () => ({ status: 201 })
    await webPush().send(saying(before + '😀'.repeat(1_000), subscription(stub.url)), signal)
    const { body } = JSON.parse(decrypted(stub.asked[0]?.bytes ?? Buffer.alloc(0)))
    expect(body).toMatch(/^x*😀*$/u)
  })

  it('keeps within what every push service takes, however long the words', async () => {
    answer = () => ({ status: 201 })
    const long = outgoing(subscription(stub.url))
    await webPush().send({ ...long, content: { ...long.content, short: '€'.repeat(50_000) } }, signal)
    expect(Number(stub.asked[0]?.headers['content-length'])).toBeLessThan(4_096)
  })

  it.each([
    [400, PermanentError, 'push_refused'],
    [403, PermanentError, 'push_refused'],
    [404, PermanentError, 'push_refused'],
    [410, AddressGoneError, 'unsubscribed'],
    [413, PermanentError, 'push_refused'],
    [429, ProviderError, 'push_deferred'],
    [500, ProviderError, 'push_deferred'],
  ])('answers %i', async (status, kind, code) => {
    const failure = await failureAt({ status, headers: { 'retry-after': '9' } })
    expect(failure).toBeInstanceOf(kind)
    expect(failure).toMatchObject({ code })
    if (failure instanceof ProviderError) expect(failure.retryAfterSeconds).toBe(9)
    expect(JSON.stringify([failure, String(failure)])).not.toContain('secret-path')
  })

  it('goes to public addresses only, like a webhook', async () => {
    const failure = await failureAt({ status: 201 }, subscription(stub.url), { webhookAllowPrivate: false })
    expect(failure).toMatchObject({ code: 'private_address' })
    expect(stub.asked).toEqual([])
  })

  it.each([
    ['no json', '{'],
    ['no keys', JSON.stringify({ endpoint: 'https://push.example.org/1' })],
    ['no URL', JSON.stringify({ endpoint: 'push', keys: { p256dh, auth } })],
    ['no point of the curve', subscription('https://push.example.org/1', { p256dh: `BA${'A'.repeat(85)}`, auth })],
    ['a short secret', subscription('https://push.example.org/1', { p256dh, auth: 'AAAA' })],
  ])('a subscription with %s is no address', async (_, address) => {
    expect(await failureAt({ status: 201 }, address)).toMatchObject({ name: 'PermanentError', code: 'bad_address' })
  })

  it('is told from an app’s token by its form', () => {
    expect(subscriptionOf('dGVzdA:APA91bH')).toBe(undefined)
    expect(pushServiceOf(subscription('https://push.example.org/1/2'))).toBe('https://push.example.org')
    expect(pushServiceOf('dGVzdA:APA91bH')).toBe(undefined)
  })

  it('does not start with a key that is none', () => {
    expect(() => webPush({ vapidPrivateKey: 'A'.repeat(43) })).toThrow(/VAPID_PRIVATE_KEY/)
  })

  /** As the browser does it. */
  function decrypted(body: Buffer): string {
    const derive = (input: Buffer, salt: Buffer, info: Buffer | string, bytes: number) =>
      Buffer.from(hkdfSync('sha256', input, salt, info, bytes))
    const [salt, senderKey, sealed] = [body.subarray(0, 16), body.subarray(21, 86), body.subarray(86)]
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.getPublicKey(), senderKey])
    const input = derive(browser.computeSecret(senderKey), Buffer.from(auth, 'base64url'), info, 32)
    const key = derive(input, salt, 'Content-Encoding: aes128gcm\0', 16)
    const decipher = createDecipheriv('aes-128-gcm', key, derive(input, salt, 'Content-Encoding: nonce\0', 12))
    decipher.setAuthTag(sealed.subarray(-16))
    const text = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
    expect(text.at(-1)).toBe(2)
    return text.subarray(0, -1).toString()
  }
})
