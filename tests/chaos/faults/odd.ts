// Odd messages, one a second into every queue that a service consumes: bytes that are no message, properties that no library
// sends, and types and versions of a time to come.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Thrown } from '../oracle/snapshot.ts'
import { type Random, randomFrom } from '../random.ts'
import { long, openRawPublisher, type RawPublisher, short, u8, u16, u32, u64 } from '../raw-amqp.ts'
import type { Inject } from './fault.ts'

/** Every one with dead letters of its own. */
const QUEUES = [
  'order.queue',
  'inventory.queue',
  'payment.queue',
  'shipping.queue',
  'notification.queue',
  'notification.email.queue',
  'notification.sms.queue',
  'notification.push.queue',
  'notification.webhook.queue',
  'payment.rpc.queue',
  'inventory.rpc.queue',
  'audit.queue',
] as const
type Queue = (typeof QUEUES)[number]

const EVERY_MS = 1_000

export const odd: Inject<'odd'> = async (world, { seed }) => {
  const random = randomFrom(seed)
  const stopped = new AbortController()
  const thrown: Thrown[] = []
  const byShape = new Map<string, number>()
  let raw: RawPublisher | undefined

  async function throwInto(queue: Queue): Promise<void> {
    const shape = shapeFor(random, queue)
    const made: Odd = shapes[shape](serialOf(seed, thrown.length), queue)
    const { flags, fields, body, also, wants = 'dead letter' } = made
    const digest = createHash('sha256').update(body).digest('hex')
    const id = `${shape} ${digest.slice(0, 8)}`
    const record: Thrown = { id, queue, digest, wants, confirmed: false, atMs: Date.now() }
    const copies = also?.map((other) => {
      return { ...record, queue: other, copied: [queue, ...also].filter((one) => one !== other) }
    })
    const records = [record, ...(copies ?? [])]
    thrown.push(...records)
    byShape.set(shape, (byShape.get(shape) ?? 0) + 1)
    raw ??= await openRawPublisher(world.vhost.amqpUrl)
    const isTaken = await raw.publish(queue, Buffer.concat([u16(flags), ...fields]), body)
    for (const one of records) one.confirmed = isTaken
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      for (const queue of QUEUES)
        await throwInto(queue).catch(() => {
          // The broker is away, which is what others see to.
          raw?.close()
          raw = undefined
        })
      await delay(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
    raw?.close()
  }

  const running = run()
  return async () => {
    stopped.abort()
    await running
    const taken = thrown.filter(({ confirmed }) => confirmed).length
    const shares = [...byShape].map(([shape, count]) => `${count} ${shape}`).join(', ')
    return { felt: taken, what: `odd messages thrown: ${shares}`, thrown }
  }
}

interface Odd {
  /** Which properties follow, in the order of their flags. */
  flags: number
  fields: Buffer[]
  body: Buffer
  /** Where the broker puts copies of it. */
  also?: Queue[]
  wants?: Thrown['wants']
}

const [HEADERS, PERSISTENT, MESSAGE_ID, TYPE] = [0x2000, 0x1000, 0x0080, 0x0020]
const PLAIN = { flags: PERSISTENT | TYPE, fields: [u8(2), short('odd')] }
const withHeaders = (...fields: Buffer[]) => ({
  flags: HEADERS | PERSISTENT | TYPE,
  fields: [long(Buffer.concat(fields)), u8(2), short('odd')],
})
const field = (name: string, tag: string, value: Buffer) => Buffer.concat([short(name), Buffer.from(tag), value])
const text = (value: string) => long(value)
const table = (...fields: Buffer[]) => long(Buffer.concat(fields))
const numbered = (write: (bytes: Buffer) => void, length: number) => {
  const bytes = Buffer.alloc(length)
  write(bytes)
  return bytes
}

/** Every type that a field may have, in RabbitMQ's own reading of AMQP 0-9-1. */
const EVERY_TYPE = [
  field('t', 't', u8(1)),
  field('b', 'b', u8(0x80)),
  field('B', 'B', u8(0xff)),
  field('s', 's', u16(0x8000)),
  field('u', 'u', u16(0xffff)),
  field('I', 'I', u32(0x80000000)),
  field('i', 'i', u32(0xffffffff)),
  field('l', 'l', u64(2 ** 62)),
  field(
    'f',
    'f',
    numbered((bytes) => bytes.writeFloatBE(Number.NaN), 4),
  ),
  field(
    'd',
    'd',
    numbered((bytes) => bytes.writeDoubleBE(Number.NEGATIVE_INFINITY), 8),
  ),
  field('D', 'D', Buffer.concat([u8(255), u32(1)])),
  field('S', 'S', text('text\u0000')),
  field(
    'A',
    'A',
    table(Buffer.from('V'), Buffer.from('t'), u8(0), Buffer.from('F'), table(field('!', 'V', Buffer.alloc(0)))),
  ),
  field('T', 'T', u64(2 ** 53)),
  field('F', 'F', table(field('deep', 'F', table(field('!', 'S', text('int64')))))),
  field('V', 'V', Buffer.alloc(0)),
  field('x', 'x', long(Buffer.from([0xff, 0, 0xfe]))),
]
const HEADERS_BYTES = 61_440
const BODY_MAX_BYTES = 1_048_576

const shapes = {
  'garbage bytes': (serial) => ({
    ...PLAIN,
    body: Buffer.concat([Buffer.from([0, 0xff, 0xfe, 0x80]), Buffer.from(serial)]),
  }),
  'an id of 0xFF': (serial) => ({
    flags: PERSISTENT | MESSAGE_ID | TYPE,
    fields: [u8(2), short(Buffer.alloc(100, 0xff)), short('odd')],
    body: Buffer.from(`{ ${serial}`),
  }),
  'odd header names': (serial) => ({
    ...withHeaders(
      field('!', 'S', text('int64')),
      field('value', 'S', text('not one')),
      field('__proto__', 'F', table(field('!', 'S', text('decimal')), field('value', 'I', u32(1)))),
      field('', 'S', text('no name')),
      field('attempt', 'F', table(field('!', 't', u8(1)))),
      field('n'.repeat(128), 'S', text('a long one')),
    ),
    body: Buffer.from(`[${serial}`),
  }),
  'every field type': (serial) => ({ ...withHeaders(...EVERY_TYPE), body: Buffer.from(`<${serial}>`) }),
  'copies for others': (serial, queue) => {
    const also = QUEUES.filter((other) => other !== queue).slice(0, 2)
    const names = also.map((other) => Buffer.concat([Buffer.from('S'), text(other)]))
    return { ...withHeaders(field('CC', 'A', table(...names))), body: Buffer.from(`to all ${serial}`), also }
  },
  '60 KiB of headers': (serial) => ({
    ...withHeaders(
      ...Array.from({ length: 60 }, (_, index) => field(`h${index}`, 'S', text('x'.repeat(HEADERS_BYTES / 60)))),
    ),
    body: Buffer.from(`heavy ${serial}`),
  }),
  'more than 1 MiB': (serial) => ({ ...PLAIN, body: Buffer.from(serial.padEnd(BODY_MAX_BYTES + 1, ' large')) }),
  'half a character': (serial) => ({ ...PLAIN, body: envelope(serial, { subject: '\ud800' }) }),
  'an unknown source': (serial) => ({ ...PLAIN, body: envelope(serial, { source: '/nobody' }) }),
  'an unknown type': (serial) => ({ ...PLAIN, body: envelope(serial, {}), wants: 'row' }),
  'a newer version': (serial) => ({
    ...PLAIN,
    body: envelope(serial, { type: 'order.created', dataschema: 'urn:orders:order.created:99' }),
    wants: 'row',
  }),
} satisfies Record<string, (serial: string, queue: Queue) => Odd>
type Shape = keyof typeof shapes

function envelope(serial: string, attributes: Record<string, string>): Buffer {
  const known = { specversion: '1.0', id: serial, source: '/order-service', type: 'order.exploded', subject: 'odd' }
  const time = '2026-01-01T00:00:00.000Z'
  const dataschema = 'urn:orders:order.exploded:1'
  return Buffer.from(JSON.stringify({ ...known, time, dataschema, data: {}, ...attributes }))
}

/** The audit keeps whatever has an envelope, and a question is none. */
function shapeFor(random: Random, queue: Queue): Shape {
  const all = Object.keys(shapes) as [Shape, ...Shape[]]
  const isEvents = queue !== 'audit.queue' && !queue.endsWith('.rpc.queue')
  const last = all.indexOf(isEvents ? 'a newer version' : 'half a character')
  return all[random.between(0, last)] ?? 'garbage bytes'
}

const serialOf = (seed: number, number: number) => `odd-${seed}-${number}`
