// Removes secrets and personal data from a log line: in a field at any depth, in an error's message or stack, or in another
// program's text that we repeat.

export const HIDDEN = '[private]'

const FIELDS = [
  'email',
  'phone',
  'sms',
  'push',
  'webhook',
  'to',
  'recipient',
  'rejected',
  'shippingAddress',
  'paymentMethod',
  'authorization',
  'password',
  'passphrase',
].join('|')

/** `"email":"…"` in JSON. The value is a text or a list of texts. */
const FIELD = new RegExp(`"(${FIELDS})":(?:"(?:[^"\\\\]|\\\\.)*"|\\[[^\\]{}]*\\])`, 'g')
/** The same in JSON inside a text, as in an error that quotes unreadable input. */
const QUOTED_FIELD = new RegExp(`(\\\\{1,15})"(${FIELDS})\\1":\\s{0,8}\\1"(?:(?!\\1").){0,4096}\\1"`, 'g')
/** User and password in a URL: everything between `://` and the last `@` of the host part. */
const LOGIN = /(?<=:\/\/)[^\s"\\/]{1,1024}@/g
const BEARER = /\b(Bearer|Basic) [\w.~+/=-]+/gi
const PAYMENT_TOKEN = /\btok_\w+/g
/**
 * The plain form of RFC 5321, without the slash, which would include a path. All lengths are limited, so the time is linear.
 */
const MAIL_ADDRESS =
  /[\p{Letter}\p{Number}_.!#$%&'*+=?^`{|}~-]{1,64}@[\p{Letter}\p{Number}][\p{Letter}\p{Number}.-]{0,253}/gu

/** Removes e-mail addresses, logins in URLs and tokens from a text. Data without a form of its own, such as a name, stays. */
export function withoutPrivate(text: string): string {
  const withoutTokens = text.replace(BEARER, `$1 ${HIDDEN}`).replace(PAYMENT_TOKEN, HIDDEN)
  // Almost every line ends here.
  if (!withoutTokens.includes('@')) return withoutTokens
  return withoutTokens.replace(LOGIN, `${HIDDEN}@`).replace(MAIL_ADDRESS, HIDDEN)
}

/** The same for a line of JSON. Private fields lose their values, whatever their form. */
export function redactLine(line: string): string {
  return withoutPrivate(line.replace(FIELD, `"$1":"${HIDDEN}"`).replace(QUOTED_FIELD, `$1"$2$1":$1"${HIDDEN}$1"`))
}
