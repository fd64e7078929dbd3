// Asks ports who they are, with the first bytes of their protocols: RabbitMQ, and Erlang's name server.
import { createConnection } from 'node:net'

export type ProbeResult = 'nothing' | 'another protocol' | 'guest refused' | 'ready'

const protocolHeader = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])
const connectionClass = 10
const startMethod = 10
const tuneMethod = 30

/** Opens a connection as far as Connection.Tune, which the broker sends only after a successful login. */
export function probeAmqp(port: number, host = '127.0.0.1', timeoutMs = 3000): Promise<ProbeResult> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host, timeout: timeoutMs })
    let result: ProbeResult = 'nothing'
    let received = Buffer.alloc(0)
    const finish = (final: ProbeResult) => {
      socket.destroy()
      settle(final)
    }
    socket.once('connect', () => {
      result = 'another protocol'
      socket.write(protocolHeader)
    })
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const frame = readMethod(received)
      if (!frame) return
      received = received.subarray(frame.length)
      if (frame.method === startMethod) {
        result = 'guest refused'
        socket.write(startOk('guest', 'guest'))
      } else finish(frame.method === tuneMethod ? 'ready' : result)
    })
    socket.once('timeout', () => finish(result))
    socket.once('error', () => finish(result))
    socket.once('close', () => finish(result))
  })
}

/** The nodes a name server knows; none if none runs there. Its answer is its port and then lines `name X at port N`. */
export function epmdNames(port: number, host = '127.0.0.1'): Promise<string[]> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host, timeout: 1000 })
    let answer = ''
    socket.once('connect', () => socket.write(Buffer.from([0, 1, 'n'.charCodeAt(0)])))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.once('timeout', () => socket.destroy())
    socket.once('error', () => socket.destroy())
    socket.once('close', () => settle([...answer.matchAll(/name (\S+) at port/g)].map(([, name = '']) => name)))
  })
}

/** The connection method in the first complete frame: type 1, channel, size, class, method, arguments, end mark. */
function readMethod(bytes: Buffer): { method: number; length: number } | undefined {
  if (bytes.length < 11 || bytes[0] !== 1 || bytes.readUInt16BE(7) !== connectionClass) return undefined
  const length = 7 + bytes.readUInt32BE(3) + 1
  return bytes.length < length ? undefined : { method: bytes.readUInt16BE(9), length }
}

function startOk(user: string, password: string): Buffer {
  const response = Buffer.from(`\0${user}\0${password}`)
  const size = Buffer.alloc(4)
  size.writeUInt32BE(response.length)
  const payload = Buffer.concat([
    Buffer.from([0, connectionClass, 0, 11]),
    Buffer.alloc(4), // no client properties
    shortString('PLAIN'),
    size,
    response,
    shortString('en_US'),
  ])
  const header = Buffer.alloc(7)
  header.writeUInt8(1, 0)
  header.writeUInt32BE(payload.length, 3)
  return Buffer.concat([header, payload, Buffer.from([0xce])])
}

function shortString(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
}
