// Parses reports of Amazon SES, from feedback notifications or event publishing.
// https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, …/event-publishing-retrieving-sns-contents.html
import { listAt, textAt } from './ask-provider.ts'
import { type MailReport, nameBy, reasonOf } from './mail-reports.ts'
import { isMailboxGone } from './mailbox-codes.ts'

/** One report for each recipient that it names. Empty if it does not concern a mail of this service. */
export function reportsInSes(notice: unknown, mailIdDomain: string): MailReport[] {
  const type = textAt(notice, 'notificationType') || textAt(notice, 'eventType')
  const given = { notificationId: tagOf(notice, 'notification'), generation: tagOf(notice, 'generation') }
  const name = nameBy(given, originalMessageId(notice), mailIdDomain)
  if (!name) return []
  const about = { name, provider: 'ses', providerId: textAt(notice, 'mail', 'messageId') }
  if (type === 'Delivery')
    return listAt(notice, 'delivery', 'recipients').map((recipient) => ({
      ...about,
      outcome: 'delivered',
      recipient: String(recipient),
      isAddressGone: false,
      error: null,
    }))
  if (type === 'Complaint')
    return listAt(notice, 'complaint', 'complainedRecipients').map((one) => ({
      ...about,
      outcome: 'complained',
      recipient: textAt(one, 'emailAddress'),
      isAddressGone: false,
      error: reasonOf('ses', 'complaint', textAt(notice, 'complaint', 'complaintFeedbackType')),
    }))
  if (type !== 'Bounce') return []
  const kind = textAt(notice, 'bounce', 'bounceType')
  const subKind = textAt(notice, 'bounce', 'bounceSubType')
  return listAt(notice, 'bounce', 'bouncedRecipients').map((one) => {
    const status = textAt(one, 'status')
    const isFinal = kind === 'Permanent'
    return {
      ...about,
      outcome: isFinal ? 'bounced' : 'soft_bounced',
      recipient: textAt(one, 'emailAddress'),
      // Without a status, only the sub-type can prove it.
      isAddressGone: isFinal && (isMailboxGone(status) || (status === '' && subKind === 'NoEmail')),
      error: reasonOf('ses', kind, subKind, status),
    }
  })
}

function tagOf(notice: unknown, tag: string): string {
  return String(listAt(notice, 'mail', 'tags', tag)[0] ?? '')
}

/** SES replaces the Message-ID. The original headers contain ours. */
function originalMessageId(notice: unknown): string {
  const headers = listAt(notice, 'mail', 'headers')
  const given = headers.find((header) => textAt(header, 'name').toLowerCase() === 'message-id')
  return textAt(given, 'value') || textAt(notice, 'mail', 'commonHeaders', 'messageId')
}
