// Removes addresses from providers' texts, which are stored and published unencrypted.

const NAMED = '(address)'
const MAIL_ADDRESS = /[^\s<>"'`(),;:[\]]+@[^\s<>"'`(),;:[\]]+/g

/** Removes everything that looks like a mail address, and `address` itself in upper or lower case. */
export function withoutAddresses(text: string, address = ''): string {
  const own = address === '' ? text : text.replace(new RegExp(escaped(address), 'gi'), NAMED)
  return own.replace(MAIL_ADDRESS, NAMED)
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
