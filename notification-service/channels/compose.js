// Composes a mail as nodemailer does, but without the work that is the same for every mail of this service. Each mail
// has one text and one HTML page. So the headers of its parts never change, and no stream is needed to join them.
// nodemailer encodes the headers, which is the hard part. Plain JavaScript, since the mail thread uses it too.
import { randomBytes } from 'node:crypto'
import { encodeWord } from 'nodemailer/lib/mime-funcs'
import MimeNode from 'nodemailer/lib/mime-node'
import { encode, wrap } from 'nodemailer/lib/qp'

/**
 * A mail to one address. Lines end with `\n`.
 *
 * @typedef {object} Mail
 * @property {string} from as in `Orders <orders@example.com>`
 * @property {string} to one address
 * @property {string} subject
 * @property {string} messageId
 * @property {Date} date
 * @property {Record<string, string>} headers further ones
 * @property {string} text
 * @property {string} html
 */

/**
 * Ready for a mail server.
 *
 * @typedef {object} Composed
 * @property {{ from: string | false, to: string[] }} envelope
 * @property {string} raw ASCII in lines that end with `\r\n`, none longer than RFC 5322 allows
 */

/** Occurs in no part of any mail, since nobody outside this process knows it (RFC 2046 §5.1.1). */
const BOUNDARY = `--_${randomBytes(18).toString('base64url')}`
const TEXT = part('text/plain', 'quoted-printable')
const HTML = part('text/html', '7bit')
const HTML_QUOTED = part('text/html', 'quoted-printable')
const END = `\r\n--${BOUNDARY}--\r\n`
/** Without this nodemailer draws a random boundary for each mail. */
export const NO_OTHER_BOUNDARY = { baseBoundary: 'none' }

/**
 * @param {Mail} mail
 * @returns {Composed}
 */
export function compose({ from, to, subject, messageId, date, headers, text, html }) {
  const node = new MimeNode(`multipart/alternative; boundary="${BOUNDARY}"`, NO_OTHER_BOUNDARY)
  const address = { name: '', address: to }
  node.setHeader({ ...headers, from, to: address, subject: asTyped(subject), 'message-id': messageId, date })
  node.setHeader('mime-version', '1.0')
  const page = isPlain(html) ? HTML + withLineEnds(html) : HTML_QUOTED + quoted(html)
  const head = from.includes(ENCODED_WORD) ? withNameAsTyped(node.buildHeaders()) : node.buildHeaders()
  return { envelope: node.getEnvelope(), raw: `${head}\r\n${TEXT}${quoted(text)}${page}${END}` }
}

/** Readers take text that begins like this for an encoded word (RFC 2047), and would not show it as typed. */
const ENCODED_WORD = '=?'

/** @param {string} subject */
function asTyped(subject) {
  return subject.includes(ENCODED_WORD) ? encodeWord(subject, 'Q', WORD_MAX) : subject
}

/**
 * Some readers decode encoded words in quoted names too, against the RFC.
 *
 * @param {string} head
 */
function withNameAsTyped(head) {
  return head.replace(/^From: "((?:[^"\\\r\n]|\\.)*)"/m, (_, name) => `From: ${asTyped(name.replace(/\\(.)/g, '$1'))}`)
}

const WORD_MAX = 52

/**
 * @param {string} type
 * @param {string} encoding RFC 2045 §6
 */
function part(type, encoding) {
  return `\r\n--${BOUNDARY}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`
}

/** @param {string} text */
function quoted(text) {
  return wrap(encode(withLineEnds(text)))
}

/** @param {string} text */
function withLineEnds(text) {
  return text.replaceAll('\n', '\r\n')
}

/** @param {string} text */
function isPlain(text) {
  return !BEYOND_ASCII.test(text) && text.split('\n').every(({ length }) => length <= LINE_MAX)
}

const BEYOND_ASCII = /[^\n\x20-\x7e]/
/** RFC 5322 §2.1.1, without the line end. */
const LINE_MAX = 998
