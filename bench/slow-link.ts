// A way to a server that takes longer, in a process of its own: what comes in from either side goes out to the other half the
// delay later. node slow-link.ts PORT DELAY_MS
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const [, , port = '', delayMs = ''] = process.argv
const oneWayMs = Number(delayMs) / 2
/** Node's timers know whole milliseconds only. Between two looks the process sleeps, since the others need the processor. */
const LOOK_EVERY_MS = 0.1
const asleep = new Int32Array(new SharedArrayBuffer(4))

/** In the order in which they came, which is that in which they are due. */
const onTheWay: { dueAt: number; deliver: () => void }[] = []

function later(deliver: () => void): void {
  onTheWay.push({ dueAt: performance.now() + oneWayMs, deliver })
  if (onTheWay.length === 1) setImmediate(look)
}

function look(): void {
  for (let next = onTheWay[0]; next && next.dueAt <= performance.now(); next = onTheWay[0]) {
    next.deliver()
    onTheWay.shift()
  }
  const [next] = onTheWay
  if (!next) return
  const leftMs = next.dueAt - performance.now()
  if (leftMs > 0) Atomics.wait(asleep, 0, 0, Math.min(leftMs, LOOK_EVERY_MS))
  setImmediate(look)
}

function pass(from: Socket, to: Socket): void {
  from.setNoDelay(true)
  from.on('data', (bytes) => later(() => to.write(bytes)))
  from.on('end', () => later(() => to.end()))
  from.on('close', () => later(() => to.destroy()))
  // The other side is told by the end that follows.
  from.on('error', () => undefined)
}

const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  pass(client, upstream)
  pass(upstream, client)
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit())
