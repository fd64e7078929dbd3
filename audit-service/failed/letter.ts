// What is stored of a dead letter: why, where and when it failed, and everything that is needed to send it again.
import { hash as digest } from 'node:crypto'
import {
  type Arrived,
  type Headers,
  historyOf,
  type Properties,
  publishable,
  RESEND,
  SENT_AGAIN_OF,
} from '@orders/shared/messaging'
import { inText } from '@orders/shared/storage'

export interface Letter {
  id: string
  sentAgainOf: string | null
  afterResend: string | null
  queue: string
  home: string | null
  exchange: string
  routingKey: string
  service: string
  version: string
  type: string
  subject: string
  messageId: string
  code: string
  reason: string
  stack: string
  place: string
  fingerprint: string
  attempts: number
  history: string
  firstAt: string
  failedAt: string
  keptAt: string
  body: Buffer
  properties: string
  words: string
}

interface Terms {
  /** The queue from which it was given up. Undefined if no queue received it. */
  home: string | undefined
  /** Unknown types share a fingerprint, so that made-up types cannot create any number of causes. */
  isKnown(type: string): boolean
  now: string
}

const WORDS_OF_BODY_MAX = 4_000
const TEXT_MAX = 400
const STACK_MAX = 4_000
const ID = /^[0-9a-f]{32}$/

/** Deterministic: the same delivery always has the same id. */
export function letterOf(queue: string, delivery: Arrived, { home, isKnown, now }: Terms): Letter {
  const { body, exchange, routingKey } = delivery
  const properties = publishable(delivery.properties)
  const { type = '', correlationId: subject = '', messageId = '', headers } = properties
  const text = (name: string, max = TEXT_MAX) => inText(String(headers[name] ?? '').slice(0, max))
  const death = deathOf(delivery.properties)
  const code = text('error-code') || codeOf(death, home)
  const reason = text('error-message', 1_000) || reasonOf(code)
  const stack = text('error-stack', STACK_MAX)
  const place = placeIn(stack)
  const history = historyOf(headers)
  const failedAt = instantOf(text('failed-at')) ?? now
  const sentAgainOf = idIn(headers[SENT_AGAIN_OF])
  const found = { type: inText(type), subject: inText(subject), messageId: inText(messageId) }
  return {
    ...found,
    // A message that was sent again and failed again is one failure, even if it was sent twice because of a crash.
    id: digestOf(queue, sentAgainOf ?? JSON.stringify([exchange, routingKey, properties, death]), body).slice(0, 32),
    sentAgainOf,
    afterResend: idIn(headers[RESEND]),
    queue,
    home: home ?? null,
    ...wayOf(delivery, home),
    service: text('service'),
    version: text('service-version'),
    code,
    reason,
    stack,
    place,
    fingerprint: digestOf(queue, isKnown(type) ? type : '', code, place).slice(0, 16),
    attempts: Math.max(1, history.length, attemptIn(headers.attempt)),
    history: inText(JSON.stringify(history)),
    firstAt: instantOf(String(history[0]?.at)) ?? failedAt,
    failedAt,
    keptAt: now,
    body,
    properties: inText(JSON.stringify({ ...properties, headers: withoutAccount(headers) })),
    words: wordsOf([...Object.values(found), code, reason], body),
  }
}

/** Headers that describe the failure (see `deadCopy` in shared/handling/bury.ts). They are stored in columns of their own. */
const ACCOUNT = /^(error-(code|message|stack)|history|failed-at|service|service-version|queue|published-(to|as))$/
const withoutAccount = (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ACCOUNT.test(name)))

/** The text that a search compares. */
export function wordsOf(texts: readonly string[], body: Buffer): string {
  return inText([...texts, body.toString('utf8', 0, WORDS_OF_BODY_MAX)].join('\n').toLowerCase())
}

/** The broker's record of the last time that it dead-lettered the message. */
function deathOf({ headers }: Properties): { reason: string; at: string } | undefined {
  const deaths: unknown = headers['x-death']
  const [death]: unknown[] = Array.isArray(deaths) ? deaths : []
  if (typeof death !== 'object' || death === null) return undefined
  const { reason, time } = death as { reason?: unknown; time?: unknown }
  return { reason: String(reason ?? 'unknown').slice(0, 40), at: JSON.stringify(time ?? null) }
}

/**
 * The exchange and routing key with which it was published before it failed. The dead copy's headers name them, or the broker's
 * record of the first dead-lettering. A message that matched no binding still has them in its delivery.
 */
function wayOf({ exchange, routingKey, properties: { headers } }: Arrived, home: string | undefined) {
  if (home === undefined) return { exchange: inText(exchange), routingKey: inText(routingKey) }
  const { 'published-to': to, 'published-as': as, 'x-death': deaths } = headers
  const [first]: { exchange?: unknown; 'routing-keys'?: unknown }[] = Array.isArray(deaths) ? deaths.slice(-1) : []
  const [key]: unknown[] = Array.isArray(first?.['routing-keys']) ? first['routing-keys'] : []
  const text = (...told: unknown[]) =>
    inText(String(told.find((one) => typeof one === 'string') ?? '').slice(0, TEXT_MAX))
  return { exchange: text(to, first?.exchange, exchange), routingKey: text(as, key, routingKey) }
}

function codeOf(death: ReturnType<typeof deathOf>, home: string | undefined): string {
  if (home === undefined) return 'unrouted'
  return death ? `broker_${inText(death.reason)}` : 'unexplained'
}

function reasonOf(code: string): string {
  if (code === 'unrouted') return 'no queue is bound for it'
  if (code === 'broker_delivery_limit') return 'its deliveries ended again and again without being settled'
  return code.startsWith('broker_') ? 'the broker dead-lettered it' : 'its dead letter gives no reason'
}

/** The innermost stack frame in our own code, by function name, since line numbers change with every version. */
function placeIn(stack: string): string {
  const own = stack.split('\n').find((line) => /^\s+at /.test(line) && !/node:|node_modules|<anonymous>\)$/.test(line))
  const [, name, file] = /^\s+at (?:async )?(?:(.+?) \()?(?:file:\/\/)?([^()]*?)(?::\d+)*\)?$/.exec(own ?? '') ?? []
  return name ?? file?.slice(file.lastIndexOf('/') + 1) ?? ''
}

function instantOf(text: string): string | undefined {
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

const idIn = (value: unknown) => (typeof value === 'string' && ID.test(value) ? value : null)

function attemptIn(value: unknown): number {
  const attempt = Number(value)
  return Number.isInteger(attempt) && attempt > 0 && attempt < 1_000_000 ? attempt : 1
}

function digestOf(...parts: (string | Buffer)[]): string {
  return digest('sha256', Buffer.concat(parts.flatMap((part) => [Buffer.from(part), Buffer.of(0)])))
}
