// Validates e-mail addresses, for every service that accepts one or sends to one.
import { domainToASCII } from 'node:url'
import { RejectedError } from '../runtime/errors.ts'

/**
 * The domain in lower case and ASCII (IDNA); undefined if no mail can go there. `domainToASCII` reads a host as in a URL: it
 * drops what may follow a host there, decodes `%2E`, and reads `0x7f.1` as a number. Such a mail would go elsewhere, so these
 * are refused first.
 */
export function mailDomainOf(address: string): string | undefined {
  const typed = address.slice(address.lastIndexOf('@') + 1)
  if (!address.includes('@') || NO_PART_OF_A_HOST.test(typed)) return undefined
  const labels = domainToASCII(typed).split('.')
  const isDomain = labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1) ?? '')
  return isDomain ? labels.join('.') : undefined
}

/** ASCII only. IDNA judges all other characters. */
const NO_PART_OF_A_HOST = /[\0-,/:-@[-`{-\x7f]/
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** A host whose last label is a number is an IPv4 address (WHATWG URL, ends-in-a-number). */
const NUMBER = /^([0-9]+|0x[0-9a-f]*)$/

/**
 * An address that can stand unchanged in an envelope and a header: printable, one @, no character that ends or splits an
 * address, and a domain.
 */
export function isEmail(text: string): boolean {
  const hasForm = /^[^\s@<>,;:"()[\]\\\p{Control}]+@[^\s@<>,;:"()[\]\\\p{Control}]+$/u.test(text)
  return text.length <= 254 && hasForm && mailDomainOf(text) !== undefined
}

/** @throws RejectedError 400 `bad_address` for an invalid address; `field` names its field */
export function demandEmail(email: string | undefined, field: string): void {
  if (email === undefined || isEmail(email)) return
  const message = 'is no e-mail address: one @, and a domain of letters, digits and hyphens behind it'
  throw new RejectedError(400, 'bad_address', `${field} ${message}`, { errors: [{ field, message }] })
}
