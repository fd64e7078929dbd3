// What Mailgun tells of a mail by its webhooks, and the proof that it is Mailgun, now and for the first time.
// https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
import { createHmac, timingSafeEqual } from 'node:crypto'
import { textAt } from './ask-provider.ts'
import { type MailReport, nameBy, reasonOf } from './mail-reports.ts'
import { isMailboxGone } from './mailbox-codes.ts'

/** Older ones may be somebody's copy. */
const AGE_MAX_MS = 900_000

export interface MailgunSignatures {
  /** Whether Mailgun has signed it, not long ago, and it was not taken before. */
  isFresh(hook: unknown): boolean
  /** It has been taken. */
  used(hook: unknown): void
}

export function mailgunSignatures(signingKey: string, nowMs: () => number): MailgunSignatures {
  /** By token, since when; no longer than a signature is fresh. */
  const taken = new Map<string, number>()

  function isSigned(hook: unknown): boolean {
    const text = textAt(hook, 'signature', 'timestamp') + textAt(hook, 'signature', 'token')
    const expected = createHmac('sha256', signingKey).update(text).digest()
    const given = Buffer.from(textAt(hook, 'signature', 'signature'), 'hex')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  return {
    isFresh(hook) {
      const ageMs = nowMs() - Number(textAt(hook, 'signature', 'timestamp')) * 1_000
      return isSigned(hook) && Math.abs(ageMs) <= AGE_MAX_MS && !taken.has(textAt(hook, 'signature', 'token'))
    },
    used(hook) {
      for (const [token, sinceMs] of taken) {
        if (nowMs() - sinceMs <= 2 * AGE_MAX_MS) break
        taken.delete(token)
      }
      taken.set(textAt(hook, 'signature', 'token'), nowMs())
    },
  }
}

/** Undefined for what tells nothing of a mail of ours. */
export function reportInMailgun(hook: unknown, mailIdDomain: string): MailReport | undefined {
  const at = (...path: string[]) => textAt(hook, 'event-data', ...path)
  const given = { notificationId: at('user-variables', 'notification'), generation: at('user-variables', 'generation') }
  const messageId = at('message', 'headers', 'message-id')
  const name = nameBy(given, messageId, mailIdDomain)
  if (!name) return undefined
  const about = { name, provider: 'mailgun', providerId: messageId, recipient: at('recipient'), isAddressGone: false }
  const event = at('event')
  if (event === 'delivered') return { ...about, outcome: 'delivered', error: null }
  if (event === 'complained') return { ...about, outcome: 'complained', error: reasonOf('mailgun', 'complaint') }
  if (event !== 'failed') return undefined
  const enhanced = at('delivery-status', 'enhanced-code')
  const isFinal = at('severity') === 'permanent'
  return {
    ...about,
    outcome: isFinal ? 'bounced' : 'deferred',
    isAddressGone: isFinal && isMailboxGone(enhanced),
    error: reasonOf('mailgun', at('severity'), at('reason'), at('delivery-status', 'code'), enhanced),
  }
}
