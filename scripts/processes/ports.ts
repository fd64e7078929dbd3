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

/** Different ports that are free now; they are held together before any is given back, so none comes twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((settle, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', settle)
      })
      return server
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((settle) => server.close(settle))))
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
