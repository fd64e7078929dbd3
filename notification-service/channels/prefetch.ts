// How many messages of each channel may be at their provider at a time.
import type { Channel } from '@orders/shared/contracts'

/** Push and webhook call many endpoints, some of which are slow, so they have more. */
export const PREFETCH: Record<Channel, number> = { email: 32, sms: 16, push: 64, webhook: 64 }
