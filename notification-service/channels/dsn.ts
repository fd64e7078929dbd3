// Parses delivery status notifications (RFC 3464), the mails by which mail servers report on deliveries.
import PostalMime from 'postal-mime'
import { mailNameIn } from './ids.ts'
import { type MailOutcome, type MailReport, reasonOf } from './mail-reports.ts'
import { isMailboxGone } from './mailbox-codes.ts'

const OUTCOMES: Record<string, MailOutcome> = { failed: 'bounced', delayed: 'deferred', delivered: 'delivered' }

/** One report for each recipient. Empty if the mail is no such notification, or is about no mail of this service. */
export async function reportsInDsn(raw: Buffer, mailIdDomain: string): Promise<MailReport[]> {
  const mail = await PostalMime.parse(raw, { forceRfc822Attachments: true })
  const part = (...types: string[]) => mail.attachments.find(({ mimeType }) => types.includes(mimeType.toLowerCase()))
  const status = textOf(part('message/delivery-status', 'message/global-delivery-status')?.content)
  const original = textOf(
    part('message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers')?.content,
  )
  const name = mailNameIn(fieldsOf(original.split(/\r?\n\r?\n/)[0] ?? '').get('message-id') ?? '', mailIdDomain)
  if (!name || status === '') return []
  const [message = '', ...recipients] = status.trim().split(/\r?\n(?:[ \t]*\r?\n)+/)
  const queueId = fieldsOf(message).get('x-postfix-queue-id') ?? fieldsOf(message).get('original-envelope-id') ?? ''
  return recipients.flatMap((text) => {
    const fields = fieldsOf(text)
    const action = fields.get('action')?.toLowerCase() ?? ''
    const outcome = OUTCOMES[action]
    if (!outcome) return []
    const enhanced = fields.get('status')?.split(/\s/)[0] ?? ''
    // A server may report "failed" with a transient code, once it stops trying. Such a code does not prove that the
    // mailbox is gone.
    const isAddressGone = outcome === 'bounced' && isMailboxGone(enhanced)
    const error = outcome === 'delivered' ? null : reasonOf('dsn', action, enhanced)
    const recipient = addressIn(fields.get('original-recipient')) ?? addressIn(fields.get('final-recipient'))
    return [{ name, outcome, provider: 'dsn', providerId: queueId, recipient, isAddressGone, error }]
  })
}

/** `rfc822; ann@example.org` */
function addressIn(field: string | undefined): string | undefined {
  const [, address] = /^[^;]*;\s*<?([^\s<>]+)>?$/.exec(field?.trim() ?? '') ?? []
  return address
}

/** The fields by lower-case name, without comments. The first field of a name counts. Folded lines are joined. */
function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([!-9;-~]+):\s*(.*)$/.exec(line) ?? []
    if (name !== '' && !fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), withoutComments(value))
  }
  return fields
}

/**
 * Comments may stand anywhere in a field and may be nested (RFC 5322 §3.2.2, RFC 3464 §2.1.1). A quoted string contains
 * none.
 */
function withoutComments(value: string): string {
  let depth = 0
  let isQuoted = false
  let kept = ''
  for (const [one] of value.matchAll(/\\.|./gs)) {
    if (one === '"' && depth === 0) isQuoted = !isQuoted
    if (one === '(' && !isQuoted) depth += 1
    if (depth === 0) kept += one
    else if (one === ')') depth -= 1
  }
  return kept.trim()
}

function textOf(content: ArrayBuffer | Uint8Array | string | undefined): string {
  if (content === undefined) return ''
  return typeof content === 'string' ? content : Buffer.from(new Uint8Array(content)).toString('utf8')
}
