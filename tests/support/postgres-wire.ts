// A wire between a service and PostgreSQL that counts round trips, and can be cut, or fall silent, in the moment that matters.
//
// It reads the frontend's half of the protocol (PostgreSQL manual, "Message Formats"): only where messages begin, and
// which of them ask for an answer.
import { createConnection, createServer, type Socket } from 'node:net'

export interface PostgresWire {
  /** The database's URL, by way of this wire. */
  url: string
  /** How often a client that had all its answers asked again, and so had to wait. */
  roundTrips(): number
  /** Passes the next simple query with this text on, and cuts its connection instead of passing the answer back. */
  cutAfter(text: string): void
  /** How many connections are open on the service's side. */
  connections(): number
  /** As when the host is gone: nothing passes, nothing is closed, and new connections are taken and get no answer. */
  freeze(): void
  /** Passes the next message of this type, and of this text if one is given, on, and freezes. */
  freezeAfter(type: string, text?: string): void
  isFrozen(): boolean
  /** Ends it: what was held back passes. */
  heal(): void
  /** Nothing passes on the connections that are open, for ever; new ones work. */
  silence(): void
  close(): Promise<void>
}

export async function startPostgresWire(url: string): Promise<PostgresWire> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const nears = new Set<Socket>()
  let isFrozen = false
  let freezing: { type: string; text: string | undefined } | undefined
  let trips = 0
  let cutText: string | undefined

  const server = createServer((near) => {
    const far = createConnection(Number(target.port), target.hostname)
    let asked = 0
    // The server is ready once without being asked: when the connection is made.
    let answered = -1
    let isCut = false
    nears.add(near)
    near.on('close', () => nears.delete(near))
    const fromClient = messages(true, (type, body) => {
      const text = body.toString('utf8', 0, body.length - 1)
      if (freezing?.type === type && (freezing.text ?? text) === text) freeze()
      if (type !== 'S' && type !== 'Q') return
      if (asked === answered) trips++
      asked++
      if (type !== 'Q' || text !== cutText) return
      isCut = true
      cutText = undefined
    })
    const fromServer = messages(false, (type) => {
      if (type === 'Z') answered++
    })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      // A cut connection says so on both ends; what matters is told by the close.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (chunk: Buffer) => {
      fromClient(chunk)
      far.write(chunk)
    })
    if (isFrozen) {
      near.pause()
      far.pause()
    }
    far.on('data', (chunk: Buffer) => {
      fromServer(chunk)
      if (!isCut) near.write(chunk)
      // The server has answered, so it has done it.
      else near.destroy()
    })
  })

  function freeze(): void {
    isFrozen = true
    freezing = undefined
    for (const socket of sockets) socket.pause()
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const own = new URL(url)
  own.port = String(typeof address === 'object' && address ? address.port : 0)
  return {
    url: own.toString(),
    roundTrips: () => trips,
    cutAfter(text) {
      cutText = text
    },
    connections: () => nears.size,
    freeze,
    freezeAfter(type, text) {
      freezing = { type, text }
    },
    isFrozen: () => isFrozen,
    heal() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    silence() {
      for (const socket of sockets) {
        socket.removeAllListeners('data')
        // Read and thrown away, so that neither end sees a full buffer.
        socket.resume()
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** Calls `on` for each message of a stream of chunks; the first of a client, its startup, has no type. */
function messages(isClient: boolean, on: (type: string, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let hasStarted = !isClient
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = hasStarted ? 1 : 0
      if (rest.length < head + 4) return
      const end = head + rest.readInt32BE(head)
      if (rest.length < end) return
      if (hasStarted) on(rest.toString('latin1', 0, 1), rest.subarray(5, end))
      hasStarted = true
      rest = rest.subarray(end)
    }
  }
}
