// What is published again, or kept to be handled again: the bytes as they came, with properties that AMQP 0-9-1 can carry,
// whoever made them. Foreign ones are bounded, put in words, or left out, so that encoding them cannot fail.
import { createHash } from 'node:crypto'
import type { Delivery, Headers, Properties } from './broker.ts'

/** A delivery without the way to settle it. */
export type Arrived = Omit<Delivery, 'ack' | 'refuse'>

/** AMQP 0-9-1 "short string". */
export const SHORT_TEXT_MAX_BYTES = 255
const HEADER_NAME = /^[\w.:/@-]{1,120}$/
const HEADER_MAX_BYTES = 4_096
/** The frame of the properties holds 128 KiB at most, by RabbitMQ's default; ours are a small part of it. */
const HEADERS_MAX_BYTES = 16_384
/**
 * The broker's own accounts, of which a republished message must carry none (RabbitMQ guide "Dead Letter Exchanges"), and
 * what would route it to further queues ("Sender-selected Distribution").
 */
const BROKERS_OWN = /^(x-(death|(first|last)-death-|delivery-count|acquired-count|opt-|exception|stream-)|b?cc$)/i

/** Of what may be published again: never its expiry, nor whom to answer. */
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

function carried(headers: Headers): Headers {
  const kept: Headers = {}
  let bytes = 0
  let dropped = 0
  for (const [name, value] of Object.entries(headers)) {
    if (BROKERS_OWN.test(name)) continue
    const worded = HEADER_NAME.test(name) ? inWords(value) : undefined
    bytes += Buffer.byteLength(name) + Buffer.byteLength(String(worded))
    if (worded === undefined || bytes > HEADERS_MAX_BYTES) dropped += 1
    else kept[name] = worded
  }
  return dropped === 0 ? kept : { ...kept, 'headers-dropped': dropped }
}

/** Texts, numbers and yes or no as they are; a table, a list, bytes or a date as JSON. */
function inWords(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'boolean') return value
  // amqplib takes every large number for a whole one of 64 bits.
  if (typeof value === 'number') return Number.isSafeInteger(value) || Math.abs(value) < 2 ** 31 ? value : String(value)
  if (typeof value === 'string') return cut(value, HEADER_MAX_BYTES)
  const json = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
  return json === undefined || json === 'null' ? undefined : cut(json, HEADER_MAX_BYTES)
}

const isShort = (text: string) => Buffer.byteLength(text) <= SHORT_TEXT_MAX_BYTES

/** The longest beginning of so many bytes in UTF-8 that ends with a whole character. */
export function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text
  const bytes = Buffer.from(text).subarray(0, bytesMax)
  // A character that was cut through decodes to U+FFFD, which has three bytes of its own.
  return bytes.toString('utf8').replace(/\ufffd+$/, '')
}

export function digestOf(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}
