// What an enhanced mail system status code proves of a mailbox (RFC 3463 and its registry at IANA).

/**
 * Bad mailbox (1), bad system (2), bad syntax (3), moved (6), null MX (10): whatever is sent there, it will not arrive. Other codes
 * may be about the mail, about us, or pass.
 */
export function isMailboxGone(enhanced: string): boolean {
  return /^5\.1\.(1|2|3|6|10)$/.test(enhanced)
}
