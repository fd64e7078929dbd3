// How many messages of each channel are at their provider at one time.
import type { Channel } from '@orders/shared/contracts'

/** What calls many endpoints has more, since some of them are slow. */
export const PREFETCH: Record<Channel, number> = { email: 32, sms: 16, push: 64, webhook: 64 }
