// What any mail provider tells of a mail, in words of ours: the same for all of them, so that a report is kept once.
import type { Said } from './domain.ts'
import { type MailName, mailNameIn } from './ids.ts'

/** `deferred` and `bounced softly` may still arrive, or be tried again by the provider. */
export type MailOutcome = 'delivered' | 'deferred' | 'soft_bounced' | 'bounced' | 'complained'

export interface MailReport {
  name: MailName
  outcome: MailOutcome
  provider: string
  /** The provider's id of the mail. */
  providerId: string
  /** Whom it is about, where it says so. */
  recipient: string | undefined
  isAddressGone: boolean
  error: string | null
}

export function saidOf(mail: MailReport, at: string): Said {
  const { name, outcome, provider, providerId, recipient, isAddressGone, error } = mail
  return {
    provider,
    recipient,
    isAddressGone,
    isComplaint: outcome === 'complained',
    report: {
      ...name,
      channel: 'email',
      status: outcome,
      providerId: providerId.replace(/[^\x20-\x7e]/g, '').slice(0, 200),
      error,
      at,
    },
  }
}

/** By what was given along with the mail, else by our Message-ID. */
export function nameBy(
  given: { notificationId: string; generation: string },
  messageId: string,
  mailIdDomain: string,
): MailName | undefined {
  const { notificationId, generation } = given
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(notificationId)) return mailNameIn(messageId, mailIdDomain)
  return { notificationId, generation: /^[1-9]\d{0,5}$/.test(generation) ? Number(generation) : 1 }
}

/** Codes alone: servers repeat the address in what they say. */
export function reasonOf(provider: string, ...codes: string[]): string {
  const known = codes.filter((code) => /^[A-Za-z0-9._ -]{1,60}$/.test(code))
  return [`${provider}:`, ...known].join(' ')
}
