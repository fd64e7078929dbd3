// The webhook channel: a signed POST to the customer's URL, as Standard Webhooks specifies.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHmac } from 'node:crypto'
import { PermanentError } from '@orders/shared/runtime'
import type { Outgoing } from '../deliveries/domain.ts'
import { post } from './post.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'

export interface WebhookSettings {
  /** Master secrets separated by commas. Each message is signed with all of them, so that one can be replaced. */
  webhookSecret: string
  webhookAllowPrivate: boolean
}

/** Statuses that ask the client to come back later. */
const LATER = [408, 425, 429]

export function openWebhook(
  { webhookSecret, webhookAllowPrivate: allowPrivate }: WebhookSettings,
  now: () => Date,
  timeoutMs?: number,
): Sender {
  return {
    provider: 'webhook',
    async send(outgoing, signal, trace) {
      const { address: url, notificationId: id } = outgoing
      const timestamp = Math.floor(now().getTime() / 1_000)
      const body = bodyOf(outgoing)
      const signatures = secretsOf(webhookSecret, url).map((secret) => signatureOf(secret, id, timestamp, body))
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'order-notifications',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatures.join(' '),
        ...trace,
      }
      const { status, retryAfterSeconds } = await post({ url, headers, body, signal, allowPrivate, timeoutMs })
      const failure = failureOf(status, retryAfterSeconds)
      if (failure) throw failure
      return id
    },
    close: () => undefined,
  }
}

/** The same bytes for every attempt, so that a receiver recognises a repeat. */
function bodyOf({ notificationId, eventType, orderId, content, createdAt }: Outgoing): string {
  const data = { notificationId, orderId, subject: content.subject, text: content.text }
  return JSON.stringify({ type: eventType, timestamp: createdAt, data })
}

/**
 * The signing secrets of one URL, derived from the master secrets. So a customer's secret verifies no other customer's
 * messages.
 */
export function secretsOf(webhookSecret: string, url: string): string[] {
  // Secrets that were handed out before URLs had a canonical form belong to the URL as typed, without the final slash.
  const forms = /^https?:\/\/[^/?]+\/$/.test(url) ? [url, url.slice(0, -1)] : [url]
  const secretOf = (master: string, form: string) =>
    `whsec_${createHmac('sha256', master).update(form).digest('base64')}`
  return forms.flatMap((form) => webhookSecret.split(',').map((master) => secretOf(master, form)))
}

function signatureOf(secret: string, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

function failureOf(status: number, retryAfterSeconds: number | undefined): Error | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 410) return new AddressGoneError('unsubscribed', 'the endpoint answered 410: it is gone')
  if (status >= 500 || LATER.includes(status))
    return new ProviderError('webhook_deferred', `the endpoint answered ${status}`, {
      outcome: 'refused',
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    })
  if (status < 400) return new PermanentError('webhook_redirected', `the endpoint answered ${status}: not followed`)
  return new PermanentError('webhook_refused', `the endpoint answered ${status}`)
}
