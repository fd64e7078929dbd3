// The common form of mail providers' reports. Their words become the same few outcomes, so that a repeated report is
// stored once.
import type { Said } from './domain.ts'
import { type MailName, mailNameIn } from './ids.ts'

/** A mail that is `deferred` or `soft_bounced` may still arrive: the provider may try again. */
export type MailOutcome = 'delivered' | 'deferred' | 'soft_bounced' | 'bounced' | 'complained'

export interface MailReport {
  name: MailName
  outcome: MailOutcome
  provider: string
  /** The provider's id of the mail. */
  providerId: string
  /** The address that the report names, if any. */
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

/** Finds the notification by the data that we gave the provider with the mail, else by our Message-ID. */
export function nameBy(
  given: { notificationId: string; generation: string },
  messageId: string,
  mailIdDomain: string,
): MailName | undefined {
  const { notificationId, generation } = given
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(notificationId)) return mailNameIn(messageId, mailIdDomain)
  return { notificationId, generation: /^[1-9]\d{0,5}$/.test(generation) ? Number(generation) : 1 }
}

/** Contains codes only, since servers repeat the address in their texts. */
export function reasonOf(provider: string, ...codes: string[]): string {
  const known = codes.filter((code) => /^[A-Za-z0-9._ -]{1,60}$/.test(code))
  return [`${provider}:`, ...known].join(' ')
}
