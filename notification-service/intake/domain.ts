// What somebody asks for directly, and the notification that it becomes.
import { createHash } from 'node:crypto'
import { amqpPriority, type Contact } from '@orders/shared/contracts'
import { type Data, plainWords, type Style, wordsOf } from '../content.ts'
import { type Notification, reachableBy } from '../domain.ts'

/** What is to be said: written by hand, or by a template whose schema the completed data fits. */
export type Wanted = { subject: string; body: string } | { template: string; data: Data }

export interface DirectRequest {
  to: Contact
  wanted: Wanted
  locale: string | undefined
  priority: 'urgent' | 'normal' | 'bulk'
}

const directPriority = { urgent: amqpPriority.failure, normal: amqpPriority.standard, bulk: 1 } as const

/** What a person, or a program with an operator's token, sends. */
export function directNotification(
  id: string,
  { to, wanted, locale, priority }: DirectRequest,
  style: Style,
  at: string,
): Notification {
  return {
    id,
    subject: id,
    orderId: null,
    eventType: 'direct',
    category: 'direct',
    priority: directPriority[priority],
    addresses: reachableBy(to),
    words:
      'template' in wanted
        ? wordsOf(wanted.template, wanted.data, locale, style)
        : plainWords(wanted.subject, wanted.body, locale, style),
    createdAt: at,
    customerId: null,
    sendAt: null,
    expiresAt: null,
  }
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
