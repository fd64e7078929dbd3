// The events of an order that waits, as text: without what its id and their types say already, since there may be many of them.
import type { Told } from '../told.ts'

/** Id behind the subject, time, data, and type and source where the id does not tell them. */
type Packed = [string, string, unknown?, string?, string?]

export function pack(subject: string, events: readonly Told[]): string {
  return JSON.stringify(events.map((event) => packedOf(subject, event)))
}

export function unpack(subject: string, text: string): Told[] {
  // The cast is the decoding edge: only `pack` writes it.
  return (JSON.parse(text) as Packed[]).map(([id, time, data = {}, type = typeIn(id), source = sourceOf(type)]) => ({
    id: id.startsWith('/') ? subject + id : id.slice(1),
    type,
    subject,
    source,
    time,
    data,
  }))
}

function packedOf(subject: string, { id, type, source, time, data }: Told): Packed {
  const short = id.startsWith(`${subject}/`) ? id.slice(subject.length) : `=${id}`
  const isPlain = typeIn(short) === type && sourceOf(type) === source
  if (!isPlain) return [short, time, data, type, source]
  return isEmpty(data) ? [short, time] : [short, time, data]
}

/** Of `/order.paid` and `/notification.sent/order.paid.email`: what stands before the detail. */
const typeIn = (id: string) => id.split('/')[1] ?? ''
const sourceOf = (type: string) => `/${type.split('.')[0]}-service`
const isEmpty = (data: unknown) => typeof data === 'object' && data !== null && Object.keys(data).length === 0
