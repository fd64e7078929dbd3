// Breaks that were looked at and agreed to, each with its reason. What stands here is not told again.
import type { Break } from './check.ts'

interface Agreed {
  contract: string
  field: string
  because: string
}

const NO_SUCH_DAY = 'a time must exist in the calendar; no service ever published one that does not'

export const agreed: readonly Agreed[] = [
  { contract: 'urn:orders:payment.confirmation_required:1', field: 'confirmBefore', because: NO_SUCH_DAY },
  { contract: 'urn:orders:shipping.delivered:1', field: 'deliveredAt', because: NO_SUCH_DAY },
  { contract: 'urn:orders:notification.held:1', field: 'until', because: NO_SUCH_DAY },
]

export function isAgreed({ contract, field }: Break): boolean {
  return agreed.some((one) => one.contract === contract && one.field === field)
}
