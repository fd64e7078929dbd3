// Parses Postmark's webhooks about mails, and checks that they are Postmark's. Postmark signs nothing, so the webhook's
// URL contains a secret, as the password of basic authentication or as a parameter.
// https://postmarkapp.com/developer/webhooks/webhooks-overview
import { createHash, timingSafeEqual } from 'node:crypto'
import { textAt } from './ask-provider.ts'
import { type MailReport, nameBy, reasonOf } from './mail-reports.ts'

export function isFromPostmark(secret: string, authorization: string, token: string): boolean {
  const [, basic = ''] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? []
  const login = Buffer.from(basic, 'base64').toString()
  return isSame(login.slice(login.indexOf(':') + 1), secret) || isSame(token, secret)
}

/** Compares hashes, since `timingSafeEqual` needs equal lengths. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

/**
 * Bounce types after which Postmark does not try again: https://postmarkapp.com/developer/api/bounce-api#bounce-types
 */
const FINAL = new Set([
  'HardBounce',
  'BadEmailAddress',
  'ManuallyDeactivated',
  'Blocked',
  'SpamNotification',
  'DMARCPolicy',
])
/** Bounce types that mean that the mailbox does not exist. */
const GONE = new Set(['HardBounce', 'BadEmailAddress'])

/** Undefined if it does not concern a mail of this service. */
export function reportInPostmark(hook: unknown, mailIdDomain: string): MailReport | undefined {
  const given = {
    notificationId: textAt(hook, 'Metadata', 'notification'),
    generation: textAt(hook, 'Metadata', 'generation'),
  }
  const providerId = textAt(hook, 'MessageID')
  const name = nameBy(given, providerId, mailIdDomain)
  if (!name) return undefined
  const kind = textAt(hook, 'Type')
  const about = { name, provider: 'postmark', providerId, isAddressGone: false }
  const type = textAt(hook, 'RecordType')
  if (type === 'Delivery') return { ...about, outcome: 'delivered', recipient: textAt(hook, 'Recipient'), error: null }
  const recipient = textAt(hook, 'Email')
  if (type === 'SpamComplaint')
    return { ...about, outcome: 'complained', recipient, error: reasonOf('postmark', 'complaint') }
  if (type !== 'Bounce') return undefined
  const outcome = FINAL.has(kind) ? 'bounced' : 'soft_bounced'
  return { ...about, outcome, recipient, isAddressGone: GONE.has(kind), error: reasonOf('postmark', kind) }
}
