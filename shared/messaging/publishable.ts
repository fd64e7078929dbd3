// Prepares a delivery to be published again or stored: its bytes unchanged, with properties that AMQP 0-9-1 can carry.
// Properties from foreign publishers are shortened, turned into text or left out, so that encoding them cannot fail.
import { createHash } from 'node:crypto'
import type { Delivery, Headers, Properties } from './broker.ts'

/** A delivery without the functions that settle it. */
export type Arrived = Omit<Delivery, 'ack' | 'refuse'>

/** AMQP 0-9-1 "short string". */
export const SHORT_TEXT_MAX_BYTES = 255
const HEADER_NAME = /^[\w.:/@-]{1,120}$/
const HEADER_MAX_BYTES = 4_096
/** RabbitMQ's default limits the properties to one frame of 128 KiB. Ours use a small part of it. */
const HEADERS_MAX_BYTES = 16_384
/** Headers of a message that was sent again: the failure that it repeats, and the replay that sent it. */
export const SENT_AGAIN_OF = 'sent-again-of'
export const RESEND = 'resend'
/** Small, and never left out: by these a replay learns that its message has failed again. */
const CARRIED_FIRST = ['attempt', SENT_AGAIN_OF, RESEND]
/** How many headers were left out. */
const DROPPED = 'headers-dropped'
/**
 * Headers that the broker adds, which a republished message must not carry (RabbitMQ guide "Dead Letter Exchanges"), and
 * headers that would route it to further queues ("Sender-selected Distribution").
 */
const BROKERS_OWN = /^(x-(death|(first|last)-death-|delivery-count|acquired-count|opt-|exception|stream-)|b?cc$)/i

/** The properties that may be published again. Expiration and reply address are left out. */
export function publishable({ headers, ...properties }: Properties): Properties {
  const { messageId, type, appId, timestamp, correlationId, contentType, priority } = properties
  return {
    ...(messageId !== undefined && { messageId: isShort(messageId) ? messageId : `sha256:${digestOf(messageId)}` }),
    ...(type !== undefined && { type: cut(type, SHORT_TEXT_MAX_BYTES) }),
    ...(appId !== undefined && { appId: cut(appId, SHORT_TEXT_MAX_BYTES) }),
    ...(correlationId !== undefined && { correlationId: cut(correlationId, SHORT_TEXT_MAX_BYTES) }),
    ...(contentType !== undefined && { contentType: cut(contentType, SHORT_TEXT_MAX_BYTES) }),
    ...(timestamp !== undefined && Number.isSafeInteger(timestamp) && timestamp >= 0 && { timestamp }),
    ...(priority !== undefined && { priority: Math.min(Math.max(Math.trunc(priority), 0), 255) }),
    headers: carried(headers),
  }
}

/** Headers that do not fit are left out, the last ones first. RabbitMQ 4 sorts them by name. */
function carried(headers: Headers): Headers {
  const kept = new Map<string, string | number | boolean>()
  let bytes = 0
  let dropped = 0
  const first = CARRIED_FIRST.flatMap((name) => (name in headers ? [[name, headers[name]] as const] : []))
  const others = Object.entries(headers).filter(([name]) => !CARRIED_FIRST.includes(name))
  for (const [name, value] of [...first, ...others]) {
    if (BROKERS_OWN.test(name) || name === DROPPED) continue
    const worded = HEADER_NAME.test(name) ? inWords(value) : undefined
    const size = Buffer.byteLength(name) + Buffer.byteLength(String(worded))
    if (worded === undefined || bytes + size > HEADERS_MAX_BYTES) dropped += 1
    else {
      bytes += size
      kept.set(name, worded)
    }
  }
  const before = headers[DROPPED]
  const all = dropped + (typeof before === 'number' && Number.isSafeInteger(before) ? before : 0)
  return { ...Object.fromEntries(kept), ...(all > 0 && { [DROPPED]: all }) }
}

/** Keeps texts, numbers and booleans; turns tables, lists, bytes and dates into JSON text. */
function inWords(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'boolean') return value
  // amqplib encodes every large number as a 64-bit integer.
  if (typeof value === 'number') return Number.isSafeInteger(value) || Math.abs(value) < 2 ** 31 ? value : String(value)
  if (typeof value === 'string') return cut(value, HEADER_MAX_BYTES)
  const json = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
  return json === undefined || json === 'null' ? undefined : cut(json, HEADER_MAX_BYTES)
}

const isShort = (text: string) => Buffer.byteLength(text) <= SHORT_TEXT_MAX_BYTES

/** The longest prefix of at most `bytesMax` UTF-8 bytes that ends with a whole character. */
export function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text
  const bytes = Buffer.from(text).subarray(0, bytesMax)
  // A split character decodes to U+FFFD.
  return bytes.toString('utf8').replace(/\ufffd+$/, '')
}

export function digestOf(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}
