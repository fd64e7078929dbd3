// Direct requests, which come over HTTP, and the notifications that they become.
import { createHash } from 'node:crypto'
import { amqpPriority, type Channel, type Contact, channels } from '@orders/shared/contracts'
import { type Data, plainWords, type Style, wordsOf } from '../content.ts'
import type { Customer } from '../customers/domain.ts'
import { channelsOf, type Notification, type Reaches, reachableBy } from '../domain.ts'

/** The content: written by hand, or a template with data that is completed and fits its schema. */
export type Wanted = { subject: string; body: string } | { template: string; data: Data }

export interface DirectRequest {
  to: Omit<Contact, 'locale'> & { customerId?: string }
  /** Limits the channels. If missing, all channels with an address. */
  channels?: Channel[]
  wanted: Wanted
  locale: string | undefined
  priority: 'urgent' | 'normal' | 'bulk'
  category?: string
  sendAt?: string
  expiresAt?: string
}

const directPriority = { urgent: amqpPriority.failure, normal: amqpPriority.standard, bulk: 1 } as const

/** Makes a notification from a request. An address in the request takes precedence over the customer's. */
export function directNotification(
  id: string,
  request: DirectRequest,
  customer: Customer | undefined,
  style: Style,
  at: string,
): Notification {
  const { to, wanted, priority, category = 'direct', sendAt = null, expiresAt = null } = request
  const addresses = reachableBy({ ...customer?.addresses, ...to })
  const wantedChannels = request.channels ?? channels
  const reader = { locale: request.locale ?? customer?.locale ?? undefined, timeZone: customer?.timeZone ?? undefined }
  return {
    id,
    subject: id,
    orderId: null,
    eventType: 'direct',
    category,
    priority: directPriority[priority],
    addresses: Object.fromEntries(
      wantedChannels.flatMap((channel) => (addresses[channel] === undefined ? [] : [[channel, addresses[channel]]])),
    ),
    words:
      'template' in wanted
        ? wordsOf(wanted.template, wanted.data, reader, style)
        : plainWords(wanted.subject, wanted.body, reader, style),
    createdAt: at,
    customerId: to.customerId ?? null,
    sendAt,
    expiresAt,
  }
}

/**
 * Drops the customer's addresses whose channel has no real provider. The request is refused if it names such a channel
 * or address, or if no other address is left. Mails are the exception: without a mail provider they become files, which
 * show what would be sent.
 */
export function withoutStandIns(
  notification: Notification,
  request: DirectRequest,
  reaches: Reaches,
): { notification: Notification; refused: Channel[] } {
  const { addresses } = notification
  const all = channelsOf(notification)
  const named = new Set([...(request.channels ?? []), ...channelsOf({ addresses: reachableBy(request.to) })])
  const unreached = all.filter((channel) => channel !== 'email' && !reaches(channel, addresses[channel] ?? ''))
  const left = all.filter((channel) => !unreached.includes(channel))
  const refused = unreached.filter((channel) => named.has(channel) || left.length === 0)
  if (unreached.length === 0) return { notification, refused }
  const reached = Object.fromEntries(left.map((channel) => [channel, addresses[channel]]))
  return { notification: { ...notification, addresses: reached }, refused }
}

/** Independent of the order of the request's fields. */
export function fingerprintOf(request: DirectRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(request, (_, value: unknown) => sorted(value)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}
