// Masks personal data in every message that is shown, until an operator gives a reason to see it. Pure.
import { isUtf8 } from 'node:buffer'
import type { Registry } from '@orders/shared/messaging'
import { ACTED, SOURCE } from '../acting.ts'
import { isRecord } from '../fields.ts'

export const MASK = '••••••'

/** A stored event: any field may be missing or have another type. */
export interface Envelope {
  type?: unknown
  source?: unknown
  dataschema?: unknown
  data?: unknown
}

/** The data with personal fields masked. Without a contract, all of it is masked. */
export function maskedData(registry: Registry, envelope: Envelope): unknown {
  const reader = readerOf(registry, envelope)
  if (!reader) return isOwn(envelope) ? envelope.data : MASK
  return reader.personal ? reader.personal.replace(envelope.data, () => MASK) : envelope.data
}

/** The data without personal fields, for sentences. Undefined without a contract. */
export function impersonalData(registry: Registry, envelope: Envelope): unknown {
  const reader = readerOf(registry, envelope)
  if (!reader) return isOwn(envelope) ? envelope.data : undefined
  return reader.personal ? reader.personal.replace(envelope.data, () => undefined) : envelope.data
}

/** A message's bytes as they may be shown. Of anything that is not a known event, only the number of bytes. */
export function maskedBytes(registry: Registry, bytes: Buffer): { text: string } {
  const envelope = envelopeIn(bytes)
  if (!envelope || !readerOf(registry, envelope)) return { text: `${MASK} (${bytes.length} bytes of no known form)` }
  return { text: JSON.stringify({ ...envelope, data: maskedData(registry, envelope) }) }
}

/** Undefined if the bytes are not a JSON object. */
export function envelopeIn(bytes: Buffer): Envelope | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) && !Array.isArray(value) ? value : undefined
  } catch {
    // Not JSON, so its content is unknown.
    return undefined
  }
}

const readerOf = ({ contracts }: Registry, { type, dataschema }: Envelope) =>
  contracts.get(String(type))?.readers.get(String(dataschema))

/** Events about operators' actions name operators, which is their purpose. */
const isOwn = ({ type, source }: Envelope) => type === ACTED && source === SOURCE
