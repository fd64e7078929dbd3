// Takes secrets and personal data out of a line before it is logged, wherever in it they stand: in a field at any depth, in
// an error's message or stack, or in what another program said and we repeat.

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

/** `"email":"…"` in JSON. The value is a text, or a list of texts. */
const FIELD = new RegExp(`"(${FIELDS})":(?:"(?:[^"\\\\]|\\\\.)*"|\\[[^\\]{}]*\\])`, 'g')
/** The same in JSON that is itself inside a text, as an error has it that repeats what it could not read. */
const QUOTED_FIELD = new RegExp(`(\\\\{1,15})"(${FIELDS})\\1":\\s{0,8}\\1"(?:(?!\\1").){0,4096}\\1"`, 'g')
/** The password in a URL, with the user's name: what stands between `://` and the last `@` of the host's part. */
const LOGIN = /(?<=:\/\/)[^\s"\\/]{1,1024}@/g
const BEARER = /\b(Bearer|Basic) [\w.~+/=-]+/gi
const PAYMENT_TOKEN = /\btok_\w+/g
/** RFC 5321's plain form but for the slash, which would take a path with it. All lengths are bounded: time is linear. */
const MAIL_ADDRESS =
  /[\p{Letter}\p{Number}_.!#$%&'*+=?^`{|}~-]{1,64}@[\p{Letter}\p{Number}][\p{Letter}\p{Number}.-]{0,253}/gu

/** Takes e-mail addresses, logins in URLs and tokens out of a text. What has no form of its own, such as a name, stays. */
export function withoutPrivate(text: string): string {
  const withoutTokens = text.replace(BEARER, `$1 ${HIDDEN}`).replace(PAYMENT_TOKEN, HIDDEN)
  // Nearly every line is done here.
  if (!withoutTokens.includes('@')) return withoutTokens
  return withoutTokens.replace(LOGIN, `${HIDDEN}@`).replace(MAIL_ADDRESS, HIDDEN)
}

/** The same for a line of JSON, whose private fields lose their values whatever these look like. */
export function redactLine(line: string): string {
  return withoutPrivate(line.replace(FIELD, `"$1":"${HIDDEN}"`).replace(QUOTED_FIELD, `$1"$2$1":$1"${HIDDEN}$1"`))
}
