// One-click unsubscribe (RFC 8058): who holds the token that a mail carries may switch off that category of mails for its
// recipient, today or in years, and nothing else.
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Unsubscribing {
  /** See `recipientOf`. */
  recipient: string
  category: string
}

export interface UnsubscribeSettings {
  unsubscribeUrl?: string | undefined
  unsubscribeSecret?: string | undefined
}

/** `<recipient and category>.<signature>`, both base64url, under the first of the secrets. */
export function unsubscribeToken({ recipient, category }: Unsubscribing, secrets: string): string {
  const [newest = ''] = secrets.split(',')
  const about = Buffer.from(JSON.stringify([recipient, category])).toString('base64url')
  return `${about}.${signatureOf(about, newest).toString('base64url')}`
}

/** Undefined for what none of the secrets has signed. */
export function readUnsubscribeToken(token: string, secrets: string): Unsubscribing | undefined {
  const [about = '', signature = '', ...more] = token.split('.')
  const given = Buffer.from(signature, 'base64url')
  const isOurs = secrets.split(',').map((secret) => isEqual(signatureOf(about, secret), given))
  if (more.length > 0 || !isOurs.includes(true)) return undefined
  // The cast is the decoding edge: it is signed, so it was written by `unsubscribeToken`.
  const [recipient = '', category = ''] = JSON.parse(Buffer.from(about, 'base64url').toString()) as string[]
  return { recipient, category }
}

/** Signed for this purpose only: nothing else that the secret may sign can be taken for it. */
function signatureOf(about: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`unsubscribe ${about}`).digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** RFC 2369 and RFC 8058; what signs the mails by DKIM has to sign these two as well. */
export function unsubscribeHeaders(about: Unsubscribing, settings: UnsubscribeSettings): Record<string, string> {
  const { unsubscribeUrl, unsubscribeSecret } = settings
  if (unsubscribeUrl === undefined || unsubscribeSecret === undefined) return {}
  return {
    'List-Unsubscribe': `<${unsubscribeUrl}/unsubscribe/${unsubscribeToken(about, unsubscribeSecret)}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  }
}
