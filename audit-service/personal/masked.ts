// What tells about people is masked in whatever is shown of messages, until an operator has said why they want to see it. Pure.
import { isUtf8 } from 'node:buffer'
import type { Registry } from '@orders/shared/messaging'
import { ACTED, SOURCE } from '../acting.ts'
import { isRecord } from '../fields.ts'

export const MASK = '••••••'

/** An event as it was kept: any field may be missing, or something else. */
export interface Envelope {
  type?: unknown
  source?: unknown
  dataschema?: unknown
  data?: unknown
}

/** Its data with what its contract calls personal masked; all of it where no contract says what is. */
export function maskedData(registry: Registry, envelope: Envelope): unknown {
  const reader = readerOf(registry, envelope)
  if (!reader) return isOwn(envelope) ? envelope.data : MASK
  return reader.personal ? reader.personal.replace(envelope.data, () => MASK) : envelope.data
}

/** Its data without what is personal, for sentences; undefined where no contract says what is. */
export function impersonalData(registry: Registry, envelope: Envelope): unknown {
  const reader = readerOf(registry, envelope)
  if (!reader) return isOwn(envelope) ? envelope.data : undefined
  return reader.personal ? reader.personal.replace(envelope.data, () => undefined) : envelope.data
}

/** A message's bytes as they may be shown: of what is no event that we know, only how many there are. */
export function maskedBytes(registry: Registry, bytes: Buffer): { text: string } {
  const envelope = envelopeIn(bytes)
  if (!envelope || !readerOf(registry, envelope)) return { text: `${MASK} (${bytes.length} bytes of no known form)` }
  return { text: JSON.stringify({ ...envelope, data: maskedData(registry, envelope) }) }
}

/** Undefined for bytes that are no JSON object. */
export function envelopeIn(bytes: Buffer): Envelope | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) && !Array.isArray(value) ? value : undefined
  } catch {
    // Not JSON: nobody knows what is in it.
    return undefined
  }
}

const readerOf = ({ contracts }: Registry, { type, dataschema }: Envelope) =>
  contracts.get(String(type))?.readers.get(String(dataschema))

/** What operators did names operators, whom the log is to name. */
const isOwn = ({ type, source }: Envelope) => type === ACTED && source === SOURCE
