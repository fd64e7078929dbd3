// Asks the machine about TCP ports: which are free, and who answers.
import { createConnection, createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** True if a server could listen there now. */
export async function portIsFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = await listening(port, host)
  if (server) await new Promise((settle) => server.close(settle))
  return server !== undefined
}

function listening(port: number, host: string): Promise<Server | undefined> {
  return new Promise((settle) => {
    const server = createServer()
    server.once('error', () => settle(undefined))
    server.listen({ port, host, exclusive: true }, () => settle(server))
  })
}

/**
 * Below the ports that systems give to outgoing connections, of which one may be taken before a server listens there. A port is
 * free until then, and two processes may find it so. Each has a block of its own, which is its own for as long as it lives,
 * since it listens on the first port of it.
 */
const BLOCKS = { from: 10_000, size: 500, count: 40 }
let block: Promise<number> | undefined
let given = 0

/** Different ports that are free now; none is given twice before the others of the block have been. */
export async function freePorts(count: number): Promise<number[]> {
  block ??= claimBlock()
  const first = await block
  const ports: number[] = []
  while (ports.length < count) {
    const port = first + 1 + (given++ % (BLOCKS.size - 1))
    if (await portIsFree(port)) ports.push(port)
  }
  return ports
}

async function claimBlock(): Promise<number> {
  for (let index = 0; index < BLOCKS.count; index++) {
    const first = BLOCKS.from + index * BLOCKS.size
    const server = await listening(first, '127.0.0.1')
    // Held to the end of the process, which it does not put off.
    server?.unref()
    if (server) return first
  }
  throw new Error(`all ports from ${BLOCKS.from} on are in use`)
}

/** True if something accepts a connection there within a second. */
export function somethingListens(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host, timeout: 1000 })
    const answer = (listens: boolean) => {
      socket.destroy()
      settle(listens)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}

/**
 * Asks until the answer is yes. For starting processes that announce nothing, where asking is the only event there is.
 * @throws the signal's reason when aborted
 */
export async function until(ask: () => Promise<boolean>, everyMs: number, signal?: AbortSignal): Promise<void> {
  while (!(await ask())) await delay(everyMs, undefined, { signal })
}
