// Addresses in what providers say, which is kept and told in places where no key encrypts it.

const NAMED = '(address)'
const MAIL_ADDRESS = /[^\s<>"'`(),;:[\]]+@[^\s<>"'`(),;:[\]]+/g

/** Whatever looks like the address of a mailbox, and `address` itself, however its letters are. */
export function withoutAddresses(text: string, address = ''): string {
  const own = address === '' ? text : text.replace(new RegExp(escaped(address), 'gi'), NAMED)
  return own.replace(MAIL_ADDRESS, NAMED)
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
