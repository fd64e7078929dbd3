// Runs a private Redis on a free port that keeps nothing on disk, for tests that stop and start it.
import { type Running, start, stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import { freePorts, somethingListens, until } from '../processes/ports.ts'
import { requireProgram } from '../programs.ts'

export interface RedisServer {
  url: string
  /** Does nothing when it has ended. */
  stop(): Promise<void>
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>
}

/** Resolves when it answers; stop it with `stop`. Should this process die first, it is told to end as well. */
export async function startRedis(): Promise<RedisServer> {
  const wanted = {
    program: 'redis-server',
    package: 'redis-server',
    needed: 'Redis is needed for the tests of the shared rate limit.',
    macOS: 'brew install redis',
  }
  const program = await requireProgram(wanted, console.error, AbortSignal.timeout(120_000))
  const [port = 0] = await freePorts(1)
  let running: { server: Running; release: () => void } | undefined = await launch(program, port)

  async function end(): Promise<void> {
    const ending = running
    running = undefined
    if (!ending) return
    await stop(ending.server, 2_000)
    ending.release()
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    stop: end,
    async restart() {
      await end()
      running = await launch(program, port)
    },
  }
}

async function launch(program: string, port: number): Promise<{ server: Running; release: () => void }> {
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
  const server = await start(program, settings, { stdio: 'ignore' })
  const release = guard([server.pid])
  await until(async () => server.hasExited() || (await somethingListens(port)), 20, AbortSignal.timeout(10_000))
  if (!server.hasExited()) return { server, release }
  release()
  throw new Error(`redis-server ended while it was starting on port ${port}.`)
}
