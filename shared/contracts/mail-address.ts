// What an address of a mailbox is, for every service that takes one in or sends to one.
import { domainToASCII } from 'node:url'
import { RejectedError } from '../runtime/errors.ts'

/**
 * The domain in lower case and ASCII (IDNA); undefined where there is none that mails go to. `domainToASCII` reads a host as in a
 * URL: it drops what may follow one there, decodes `%2E`, and takes `0x7f.1` for a number, so such a mail would go elsewhere.
 */
export function mailDomainOf(address: string): string | undefined {
  const typed = address.slice(address.lastIndexOf('@') + 1)
  if (!address.includes('@') || NO_PART_OF_A_HOST.test(typed)) return undefined
  const labels = domainToASCII(typed).split('.')
  const isDomain = labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1) ?? '')
  return isDomain ? labels.join('.') : undefined
}

/** Of what is ASCII; the rest is IDNA's to judge. */
const NO_PART_OF_A_HOST = /[\0-,/:-@[-`{-\x7f]/
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** A host that ends in one is an IPv4 address (WHATWG URL, ends-in-a-number). */
const NUMBER = /^([0-9]+|0x[0-9a-f]*)$/

/** What can stand in an envelope and a header as it is: printable, one @, nothing that ends or splits an address, and a domain. */
export function isEmail(text: string): boolean {
  const hasForm = /^[^\s@<>,;:"()[\]\\\p{Control}]+@[^\s@<>,;:"()[\]\\\p{Control}]+$/u.test(text)
  return text.length <= 254 && hasForm && mailDomainOf(text) !== undefined
}

/** @throws RejectedError 400 `bad_address` for what is no mailbox; `field` is where it was said. */
export function demandEmail(email: string | undefined, field: string): void {
  if (email === undefined || isEmail(email)) return
  const message = 'is no e-mail address: one @, and a domain of letters, digits and hyphens behind it'
  throw new RejectedError(400, 'bad_address', `${field} ${message}`, { errors: [{ field, message }] })
}
