// Parses Mailgun's webhooks about mails, and checks that Mailgun signed them, recently and for the first time.
// https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
import { createHmac, timingSafeEqual } from 'node:crypto'
import { owned, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { textAt } from './ask-provider.ts'
import { type MailReport, nameBy, reasonOf } from './mail-reports.ts'
import { isMailboxGone } from './mailbox-codes.ts'
import { hookSignatures } from './store.ts'

/** An older request may be a replay. */
const AGE_MAX_MS = 900_000

/**
 * The signature in hex. Undefined if Mailgun did not sign it, or signed it too long ago. The signature does not cover
 * the report.
 */
export function mailgunSignature(hook: unknown, signingKey: string, nowMs: number): string | undefined {
  const timestamp = textAt(hook, 'signature', 'timestamp')
  const expected = createHmac('sha256', signingKey)
    .update(timestamp + textAt(hook, 'signature', 'token'))
    .digest()
  const given = Buffer.from(textAt(hook, 'signature', 'signature'), 'hex')
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
  const ageMs = nowMs - Number(timestamp) * 1_000
  return isSigned && Math.abs(ageMs) <= AGE_MAX_MS ? expected.toString('hex') : undefined
}

/**
 * Since a signature does not cover the report, it may be used once: it is stored in the commit of the work that it
 * allowed. The key is the signature and not the token, because timestamp and token are signed without a separator.
 */
export function onceBy(signature: string, at: string): (work: Work<void>) => Work<void> {
  return ({ reads, decide }) => ({
    reads: (known) => [owned(hookSignatures, signature), ...reads(known)],
    decide(draft) {
      if (draft.get(hookSignatures, signature) !== undefined) throw signatureRefused()
      draft.set(hookSignatures, signature, at)
      return decide(draft)
    },
  })
}

export function signatureRefused(): RejectedError {
  const message = 'this is not signed by Mailgun, is too old, or was accepted before'
  return new RejectedError(403, 'signature_refused', message)
}

/** Undefined if it does not concern a mail of this service. */
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
