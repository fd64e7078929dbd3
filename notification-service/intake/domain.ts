// What somebody asks for directly, and the notification that it becomes.
import { createHash } from 'node:crypto'
import { amqpPriority, type Channel, type Contact, channels } from '@orders/shared/contracts'
import { type Data, plainWords, type Style, wordsOf } from '../content.ts'
import type { Customer } from '../customers/domain.ts'
import { channelsOf, type Notification, type Reaches, reachableBy } from '../domain.ts'

/** What is to be said: written by hand, or by a template whose schema the completed data fits. */
export type Wanted = { subject: string; body: string } | { template: string; data: Data }

export interface DirectRequest {
  to: Omit<Contact, 'locale'> & { customerId?: string }
  /** Only by these; by every address there is, where it is not said. */
  channels?: Channel[]
  wanted: Wanted
  locale: string | undefined
  priority: 'urgent' | 'normal' | 'bulk'
  category?: string
  sendAt?: string
  expiresAt?: string
}

const directPriority = { urgent: amqpPriority.failure, normal: amqpPriority.standard, bulk: 1 } as const

/** What a person, or a program with an operator's token, sends. An address in the request comes before the customer's. */
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
 * What a request names must reach somebody; a customer's further addresses that cannot are left out. Mails are the exception:
 * without a mail server they become files, which show what would be sent.
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

/** The same request has the same fingerprint, however its fields were ordered. */
export function fingerprintOf(request: DirectRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(request, (_, value: unknown) => sorted(value)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}
