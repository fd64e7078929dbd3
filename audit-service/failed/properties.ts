// What is shown of the properties of a failed message: foreign headers are masked, like its body. Pure.
import { type Properties, RECORDED, RESEND, SENT_AGAIN_OF } from '@orders/shared/messaging'
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

/** The `app-id` among a message's properties as they are stored. A sender chooses it, so it is a claim. */
export function senderIn(properties: string): string {
  const { appId } = JSON.parse(properties) as Properties
  return typeof appId === 'string' ? appId : ''
}
