// A publisher that writes AMQP 0-9-1 byte by byte, for properties that no library would send. One message at a time, confirmed
// and mandatory.
import { createConnection, type Socket } from 'node:net'

export interface RawPublisher {
  /** `properties` are flags and fields as they go on the wire. Gives whether the broker has it, and a queue took it. */
  publish(queue: string, properties: Buffer, body: Buffer): Promise<boolean>
  close(): void
}

const [METHOD, HEADER, BODY, END] = [1, 2, 3, 0xce]
const BASIC = 60
const ANSWER_WITHIN_MS = 10_000

export const short = (text: string | Buffer) => {
  const bytes = Buffer.from(text)
  return Buffer.concat([u8(bytes.length), bytes])
}
export const long = (bytes: Buffer | string) => Buffer.concat([u32(Buffer.byteLength(bytes)), Buffer.from(bytes)])
export const u8 = (value: number) => Buffer.of(value)
export const u16 = (value: number) => Buffer.of(value >> 8, value & 255)
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
export const u64 = (value: number) => Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)])

/** Rejects when the broker is away, and each `publish` when it goes. */
export async function openRawPublisher(amqpUrl: string): Promise<RawPublisher> {
  const { hostname, port, username, password, pathname } = new URL(amqpUrl)
  const socket = createConnection(Number(port), hostname)
  const incoming = methodsOf(socket)
  const frame = (type: number, channel: number, payload: Buffer) =>
    Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(END)])
  const send = (channel: number, ids: [number, number], ...fields: Buffer[]) =>
    socket.write(frame(METHOD, channel, Buffer.concat([u16(ids[0]), u16(ids[1]), ...fields])))
  try {
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
    await incoming('10.10')
    send(0, [10, 11], u32(0), short('PLAIN'), long(`\0${username}\0${password}`), short('en_US'))
    const tune = await incoming('10.30')
    send(0, [10, 31], tune.subarray(4, 10), u16(0))
    send(0, [10, 40], short(decodeURIComponent(pathname.slice(1))), short(''), u8(0))
    await incoming('10.41')
    send(1, [20, 10], short(''))
    await incoming('20.11')
    send(1, [85, 10], u8(0))
    await incoming('85.11')
    const frameMax = tune.readUInt32BE(6)
    return {
      async publish(queue, properties, body) {
        send(1, [BASIC, 40], u16(0), short(''), short(queue), u8(1))
        socket.write(frame(HEADER, 1, Buffer.concat([u16(BASIC), u16(0), u64(body.length), properties])))
        for (let at = 0; at < body.length; at += frameMax - 8)
          socket.write(frame(BODY, 1, body.subarray(at, at + frameMax - 8)))
        // Returned first, and then acked, when there is no such queue.
        const first = await incoming('60.50', '60.80', '60.120')
        if (first.readUInt16BE(2) === 50) await incoming('60.80')
        return first.readUInt16BE(2) === 80
      },
      close: () => socket.destroy(),
    }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Gives a function that waits for the next method of some, as `<class>.<method>`; the frames of returned messages pass by. */
function methodsOf(socket: Socket): (...wanted: string[]) => Promise<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let gone: Error | undefined
  const methods: Buffer[] = []
  let wake: () => void = () => undefined
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 7 && rest.length >= 8 + rest.readUInt32BE(3)) {
      const end = 7 + rest.readUInt32BE(3)
      if (rest[0] === METHOD) methods.push(rest.subarray(7, end))
      rest = rest.subarray(end + 1)
    }
    wake()
  })
  const end = (error?: Error) => {
    gone ??= error ?? new Error('the broker closed the connection')
    wake()
  }
  socket.on('error', end)
  socket.on('close', () => end())
  return async (...wanted) => {
    const timer = setTimeout(() => socket.destroy(new Error('the broker does not answer')), ANSWER_WITHIN_MS)
    try {
      for (;;) {
        for (let method = methods.shift(); method; method = methods.shift()) {
          const name = `${method.readUInt16BE(0)}.${method.readUInt16BE(2)}`
          if (wanted.includes(name)) return method
          if (name === '10.50' || name === '20.40')
            throw new Error(`the broker refuses: ${method.toString('latin1', 6)}`)
        }
        if (gone) throw gone
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
