// Masks foreign headers in the properties of a failed message, like its body. Pure.
import { RECORDED, RESEND, SENT_AGAIN_OF } from '@orders/shared/messaging'
import { MASK } from '../personal/masked.ts'

/** Headers that the kernel, audit-service and the broker set. Any other header may contain personal data. */
const OURS = new Set([
  'attempt',
  'causation-id',
  'traceparent',
  'tracestate',
  'deadline',
  RECORDED,
  SENT_AGAIN_OF,
  RESEND,
])
const THE_BROKERS = /^x-(death|delivery-count|(first|last)-death-(exchange|queue|reason))$/

export function maskedProperties({ headers, ...properties }: { headers: Record<string, unknown> }): object {
  const isShown = (name: string) => OURS.has(name) || THE_BROKERS.test(name)
  const shown = Object.entries(headers).map(([name, value]) => [name, isShown(name) ? value : MASK])
  return { ...properties, headers: Object.fromEntries(shown) }
}
