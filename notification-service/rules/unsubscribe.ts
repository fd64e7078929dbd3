// The link in a mail: who holds its token may unsubscribe by one click (RFC 8058), and choose in the preference centre what its
// recipient gets, today or in years, and nothing else.
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Unsubscribing {
  /** See `recipientOf`. */
  recipient: string
  category: string
  /** Of the mail, and so of the page behind its link; undefined for the default. */
  locale?: string | undefined
}

export interface UnsubscribeSettings {
  unsubscribeUrl?: string | undefined
  unsubscribeSecret?: string | undefined
}

/** `<recipient, category and locale>.<signature>`, both base64url, under the first of the secrets. */
export function unsubscribeToken({ recipient, category, locale }: Unsubscribing, secrets: string): string {
  const [newest = ''] = secrets.split(',')
  const about = Buffer.from(JSON.stringify([recipient, category, ...(locale === undefined ? [] : [locale])])).toString(
    'base64url',
  )
  return `${about}.${signatureOf(about, newest).toString('base64url')}`
}

/** Undefined for what none of the secrets has signed. */
export function readUnsubscribeToken(token: string, secrets: string): Unsubscribing | undefined {
  const [about = '', signature = '', ...more] = token.split('.')
  const given = Buffer.from(signature, 'base64url')
  const isOurs = secrets.split(',').map((secret) => isEqual(signatureOf(about, secret), given))
  if (more.length > 0 || !isOurs.includes(true)) return undefined
  // The cast is the decoding edge: it is signed, so it was written by `unsubscribeToken`.
  const [recipient = '', category = '', locale] = JSON.parse(Buffer.from(about, 'base64url').toString()) as string[]
  return { recipient, category, locale }
}

/** Signed for this purpose only: nothing else that the secret may sign can be taken for it. */
function signatureOf(about: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`unsubscribe ${about}`).digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Undefined where the service is not told where its links lead. */
export function unsubscribeLink(
  about: Unsubscribing,
  { unsubscribeUrl, unsubscribeSecret }: UnsubscribeSettings,
): string | undefined {
  if (unsubscribeUrl === undefined || unsubscribeSecret === undefined) return undefined
  return `${unsubscribeUrl}/unsubscribe/${unsubscribeToken(about, unsubscribeSecret)}`
}

/** RFC 2369 and RFC 8058; what signs the mails by DKIM has to sign these two as well. */
export function unsubscribeHeaders(link: string | undefined): Record<string, string> {
  if (link === undefined) return {}
  return { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
}
