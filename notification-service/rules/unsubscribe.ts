// The link to unsubscribe in a mail. Its token, which does not expire, allows one-click unsubscribing (RFC 8058) and
// changing the recipient's choices in the preference centre, and nothing else.
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Unsubscribing {
  /** See `recipientOf`. */
  recipient: string
  category: string
  /** Of the mail, and so of the page that the link opens. Undefined for the default. */
  locale?: string | undefined
}

export interface UnsubscribeSettings {
  unsubscribeUrl?: string | undefined
  unsubscribeSecret?: string | undefined
}

/** `<recipient, category and locale>.<signature>`, both base64url, signed with the first of the secrets. */
export function unsubscribeToken({ recipient, category, locale }: Unsubscribing, secrets: string): string {
  const [newest = ''] = secrets.split(',')
  const about = Buffer.from(JSON.stringify([recipient, category, ...(locale === undefined ? [] : [locale])])).toString(
    'base64url',
  )
  return `${about}.${signatureOf(about, newest).toString('base64url')}`
}

/** Undefined if none of the secrets signed the token. */
export function readUnsubscribeToken(token: string, secrets: string): Unsubscribing | undefined {
  const [about = '', signature = '', ...more] = token.split('.')
  const given = Buffer.from(signature, 'base64url')
  const isOurs = secrets.split(',').map((secret) => isEqual(signatureOf(about, secret), given))
  if (more.length > 0 || !isOurs.includes(true)) return undefined
  // The cast is safe: a signed text was written by `unsubscribeToken`.
  const [recipient = '', category = '', locale] = JSON.parse(Buffer.from(about, 'base64url').toString()) as string[]
  return { recipient, category, locale }
}

/** The prefix limits the signature to this purpose. So nothing else signed with this secret passes as a token. */
function signatureOf(about: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`unsubscribe ${about}`).digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Undefined if the service has no UNSUBSCRIBE_URL or no secret. */
export function unsubscribeLink(
  about: Unsubscribing,
  { unsubscribeUrl, unsubscribeSecret }: UnsubscribeSettings,
): string | undefined {
  if (unsubscribeUrl === undefined || unsubscribeSecret === undefined) return undefined
  return `${unsubscribeUrl}/unsubscribe/${unsubscribeToken(about, unsubscribeSecret)}`
}

/** The headers of RFC 2369 and RFC 8058. The DKIM signature of the mail has to cover both. */
export function unsubscribeHeaders(link: string | undefined): Record<string, string> {
  if (link === undefined) return {}
  return { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
}
