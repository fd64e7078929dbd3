// Push to browsers by Web Push: RFC 8030 for the request, RFC 8291 and 8188 for its encryption, RFC 8292 for the
// sender's identity.
import {
  createCipheriv,
  createECDH,
  createHash,
  createPrivateKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { BrokenError, PermanentError } from '@orders/shared/runtime'
import { beginningOf } from '../content.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { type Subscription, subscriptionOf } from '../web-addresses.ts'
import { type Answer, post } from './post.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'
import { signedToken } from './tokens.ts'

export interface WebPushSettings {
  /** The application server's key: 32 bytes in base64url. */
  vapidPrivateKey: string
  /** `mailto:` or a URL at which a push service reaches the operator. */
  vapidSubject: string
  webhookAllowPrivate: boolean
}

const DAY_SECONDS = 86_400
const TOKEN_SECONDS = 12 * 3_600
/** A push service need not accept more than 4,096 bytes (RFC 8030 §7.2). Encryption adds 103 bytes to these. */
const TEXT_MAX_BYTES = 2_000
const PUBLIC_KEY_BYTES = 65
const AUTH_BYTES = 16

/** @throws BrokenError `bad_configuration` if the key is invalid. */
export function openWebPush(settings: WebPushSettings, now: () => Date): Sender {
  const { vapidSubject, webhookAllowPrivate: allowPrivate } = settings
  const vapid = vapidOf(settings.vapidPrivateKey)
  return {
    provider: 'web-push',
    async send(outgoing, signal) {
      const subscription = subscriptionOf(outgoing.address)
      if (!subscription) throw new PermanentError('bad_address', 'this is not a push subscription')
      const { endpoint: url, keys } = subscription
      if (!URL.canParse(url))
        throw new PermanentError('bad_address', 'the endpoint of this push subscription is not a URL')
      const exp = Math.floor(now().getTime() / 1_000) + TOKEN_SECONDS
      const token = signedToken('ES256', vapid.key, { aud: new URL(url).origin, exp, sub: vapidSubject })
      const headers = {
        authorization: `vapid t=${token}, k=${vapid.publicKey}`,
        'content-type': 'application/octet-stream',
        'content-encoding': 'aes128gcm',
        ttl: String(DAY_SECONDS),
        // A repeat replaces the first message if the push service still stores it (RFC 8030 §5.4). At most 32
        // characters.
        topic: createHash('sha256').update(outgoing.notificationId).digest('base64url').slice(0, 32),
      }
      const body = encrypted(Buffer.from(textOf(outgoing)), keys)
      const answer = await post({ url, headers, body, signal, allowPrivate })
      const failure = failureOf(answer)
      if (failure) throw failure
      return answer.location?.slice(-200) ?? outgoing.notificationId
    },
    close: () => undefined,
  }
}

/** The origin of the subscription's push service. Undefined if the address is no subscription. */
export function pushServiceOf(address: string): string | undefined {
  const endpoint = subscriptionOf(address)?.endpoint
  return endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined
}

/** JSON for the page's service worker. */
function textOf({ notificationId, eventType, orderId, content }: Outgoing): string {
  let body = beginningOf(content.short, 1_000)
  const json = () => JSON.stringify({ notificationId, eventType, orderId, title: content.subject, body })
  while (Buffer.byteLength(json()) > TEXT_MAX_BYTES && body !== '') body = beginningOf(body, body.length / 2)
  return json()
}

interface Seeds {
  salt: Buffer
  privateKey: Buffer
}

const fresh = (): Seeds => {
  const sender = createECDH('prime256v1')
  sender.generateKeys()
  return { salt: randomBytes(16), privateKey: sender.getPrivateKey() }
}

/**
 * One record of aes128gcm with a key that only the browser can derive (RFC 8291 §3).
 *
 * @throws PermanentError `bad_address` if the browser's keys are invalid.
 */
export function encrypted(
  text: Buffer,
  { p256dh, auth }: Subscription['keys'],
  { salt, privateKey } = fresh(),
): Buffer {
  const browserKey = Buffer.from(p256dh, 'base64url')
  const secret = Buffer.from(auth, 'base64url')
  const sender = createECDH('prime256v1')
  sender.setPrivateKey(privateKey)
  const senderKey = sender.getPublicKey()
  const shared = sharedWith(browserKey, secret, (key) => sender.computeSecret(key))
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browserKey, senderKey])
  const input = derived(shared, secret, info, 32)
  const key = derived(input, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = derived(input, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  // The byte 2 ends the last record (RFC 8188 §2).
  const sealed = Buffer.concat([
    cipher.update(text),
    cipher.update(Buffer.from([2])),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  const recordSize = Buffer.alloc(4)
  recordSize.writeUInt32BE(4_096)
  return Buffer.concat([salt, recordSize, Buffer.from([senderKey.length]), senderKey, sealed])
}

function sharedWith(browserKey: Buffer, secret: Buffer, compute: (key: Buffer) => Buffer): Buffer {
  try {
    if (browserKey.length === PUBLIC_KEY_BYTES && secret.length === AUTH_BYTES) return compute(browserKey)
  } catch {
    // Not a point of the curve. The error below covers every invalid key.
  }
  throw new PermanentError('bad_address', 'the keys of this push subscription are invalid')
}

function derived(input: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', input, salt, info, bytes))
}

function vapidOf(privateKey: string): { key: KeyObject; publicKey: string } {
  try {
    const curve = createECDH('prime256v1')
    curve.setPrivateKey(Buffer.from(privateKey, 'base64url'))
    const point = curve.getPublicKey()
    const part = (from: number) => point.subarray(from, from + 32).toString('base64url')
    const jwk = { kty: 'EC', crv: 'P-256', x: part(1), y: part(33), d: privateKey }
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), publicKey: point.toString('base64url') }
  } catch (cause) {
    throw new BrokenError('bad_configuration', 'configuration: VAPID_PRIVATE_KEY is not a P-256 key in base64url', {
      cause,
    })
  }
}

/**
 * Push services answer 410 for a subscription that ended. RFC 8030 §7.3 also allows 404, but a wrong URL answers 404
 * too, so it proves nothing.
 */
function failureOf({ status, retryAfterSeconds = 0 }: Answer): Error | undefined {
  if (status >= 200 && status < 300) return undefined
  const why = `the push service answered ${status}`
  if (status === 410) return new AddressGoneError('unsubscribed', why)
  if (status === 429 || status === 408 || status >= 500)
    return new ProviderError('push_deferred', why, { outcome: 'refused', retryAfterSeconds })
  return new PermanentError('push_refused', why)
}
