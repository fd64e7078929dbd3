// Asks the machine about TCP ports: which are free, and who answers.
import { createConnection, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** True if a server could listen there now. */
export function portIsFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer()
    server.once('error', () => settle(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => settle(true)))
  })
}

/**
 * Below the ports that systems give to outgoing connections, of which one may be taken before a server listens there. A port is
 * free until then, and two may find it so: each worker of a test run looks among its own, and gives none twice.
 */
const CANDIDATES = { from: 10_000, count: 2_000 }
const WORKERS_MAX = 10
const firstOfOurs = CANDIDATES.from + CANDIDATES.count * (Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS_MAX)
let given = Math.floor(Math.random() * CANDIDATES.count)

/** Different ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = firstOfOurs + (given++ % CANDIDATES.count)
    if (await portIsFree(port)) ports.push(port)
  }
  return ports
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
