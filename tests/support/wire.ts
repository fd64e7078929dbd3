// A wire between a service and the broker that tests can cut, or let fall silent, at once.
import { createConnection, createServer, type Socket } from 'node:net'

export interface Wire {
  /** The broker's URL, by way of this wire. */
  amqpUrl: string
  /** How many connections are open. */
  connections(): number
  /** Cuts every connection; new ones are taken. */
  cut(): void
  /** From now on nothing passes on the connections that are open, and nobody is told; new ones work. */
  silence(): void
  /** As when every packet is dropped: nothing passes, nothing is closed, and new connections get no answer. */
  freeze(): void
  /** Ends `freeze`: what was held back passes first. */
  heal(): void
  close(): Promise<void>
}

export async function startWire(amqpUrl: string): Promise<Wire> {
  const target = new URL(amqpUrl)
  const pairs = new Set<[Socket, Socket]>()
  let isFrozen = false

  const join = ([near, far]: [Socket, Socket]) => {
    near.pipe(far)
    far.pipe(near)
  }
  const drop = (pair: [Socket, Socket]) => {
    pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }
  const part = ([near, far]: [Socket, Socket]) => {
    near.unpipe(far)
    far.unpipe(near)
  }

  const server = createServer((near) => {
    const far = createConnection(Number(target.port), target.hostname)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    if (!isFrozen) join(pair)
    for (const socket of pair) {
      socket.setNoDelay(true)
      // A cut connection says so on both ends; what matters is told by the close.
      socket.on('error', () => undefined)
      // Nobody hears of it while nothing passes.
      socket.on('close', () => isFrozen || drop(pair))
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const url = new URL(amqpUrl)
  url.port = String(typeof address === 'object' && address ? address.port : 0)

  const cut = () => {
    for (const pair of pairs) drop(pair)
  }
  return {
    amqpUrl: url.toString(),
    connections: () => pairs.size,
    cut,
    silence() {
      for (const pair of pairs) {
        part(pair)
        // Read and thrown away, so that neither end sees a full buffer.
        for (const socket of pair) socket.resume()
      }
    },
    freeze() {
      isFrozen = true
      for (const pair of pairs) part(pair)
    },
    heal() {
      isFrozen = false
      for (const pair of pairs) {
        const isWhole = pair.every((socket) => !socket.destroyed)
        if (isWhole) join(pair)
        else drop(pair)
      }
    },
    async close() {
      cut()
      await new Promise((closed) => server.close(closed))
    },
  }
}
