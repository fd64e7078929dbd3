// Stores the events of a waiting order as short text, since there may be many. It leaves out what follows from the order id and
// the event types.
import type { Told } from '../told.ts'

/** The id after the subject, time, data; type and source only if they do not follow from the id. */
type Packed = [string, string, unknown?, string?, string?]

export function pack(subject: string, events: readonly Told[]): string {
  return JSON.stringify(events.map((event) => packedOf(subject, event)))
}

export function unpack(subject: string, text: string): Told[] {
  // The cast is safe: only `pack` writes this text.
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

/** The type in `/order.paid` or `/notification.sent/order.paid.email`, without the detail. */
const typeIn = (id: string) => id.split('/')[1] ?? ''
const sourceOf = (type: string) => `/${type.split('.')[0]}-service`
const isEmpty = (data: unknown) => typeof data === 'object' && data !== null && Object.keys(data).length === 0
