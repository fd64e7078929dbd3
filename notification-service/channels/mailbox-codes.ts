// What an enhanced mail system status code proves about a mailbox (RFC 3463 and its IANA registry).

/**
 * Bad mailbox (1), bad system (2), bad syntax (3), moved (6), null MX (10): no mail to it will ever arrive. Other codes
 * may concern the mail or us, or be transient.
 */
export function isMailboxGone(enhanced: string): boolean {
  return /^5\.1\.(1|2|3|6|10)$/.test(enhanced)
}
