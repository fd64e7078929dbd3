// Runs a private PostgreSQL server: own data and port, nothing shared with one of the system.
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, open, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { capture, type Running, start, stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import { freePorts, until } from '../processes/ports.ts'
import { requirePostgres } from './install.ts'

export interface PostgresOptions {
  /** Everything of the server lies in `postgres` below it; starting again finds the data again. */
  dir: string
  /** The folder of the programs; default: what is installed. */
  bin?: string
  /** Aborting gives up the start, and leaves nothing running. */
  signal?: AbortSignal
}

export interface PostgresServer {
  /** `postgres://postgres@127.0.0.1:port`, to which a database is added. */
  readonly url: string
  /** Ends the server in the orderly way, cutting its clients off. Does nothing when it has ended. */
  stop(): Promise<void>
  /** kill -9: the server gets no chance to write anything. */
  kill(): Promise<void>
  /** Starts the server again on the same data and port, after stop() or kill(); a running one is stopped first. */
  restart(): Promise<void>
}

interface Place {
  bin: string
  dir: string
  data: string
  port: number
  /** PostgreSQL refuses to run as root, so root lends it the user that its package made. */
  user: { uid: number; gid: number } | undefined
}

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 8_000
/** Little memory, and clients of the tests of two files at one time. fsync stays on, as where it matters. */
const SETTINGS = { max_connections: 200, shared_buffers: '32MB', max_wal_size: '256MB' }

/**
 * Starts a server and resolves when it answers. Stop it with stop(); should this process die first, the server is told to
 * end as well.
 * @throws an Error with the last lines of the server's log if it does not come up
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const place = await prepare(options)
  let server: { running: Running; release: () => void } | undefined = await launch(place, options.signal)

  async function end(how: (running: Running) => Promise<void>): Promise<void> {
    const ending = server
    server = undefined
    if (!ending) return
    await how(ending.running)
    ending.release()
  }

  return {
    url: `postgres://postgres@127.0.0.1:${place.port}`,
    stop: () => end(stopFast),
    kill: () => end((running) => stop(running, 0)),
    async restart() {
      await end(stopFast)
      server = await launch(place)
    },
  }
}

async function prepare({ dir, bin, signal }: PostgresOptions): Promise<Place> {
  const folder = resolve(dir, 'postgres')
  const [port = 0] = await freePorts(1)
  const programs = bin ?? (await requirePostgres(console.error, signal))
  const user = process.getuid?.() === 0 ? await postgresUser() : undefined
  const place = { bin: programs, dir: folder, data: join(folder, 'data'), port, user }
  if (existsSync(place.data)) return place
  await mkdir(folder, { recursive: true })
  // A temporary folder lets nobody else in; the server's own user must pass through it.
  if (user) {
    await chmod(resolve(dir), 0o711)
    await chown(folder, user.uid, user.gid)
  }
  const login = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C']
  await capture(join(programs, 'initdb'), [`--pgdata=${place.data}`, ...login, '--no-sync'], { cwd: folder, ...user })
  return place
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((which) => capture('id', [which, 'postgres'])))
  return { uid: Number(uid), gid: Number(gid) }
}

async function launch(place: Place, signal?: AbortSignal): Promise<{ running: Running; release: () => void }> {
  const limit = AbortSignal.timeout(START_LIMIT_MS)
  const patience = signal ? AbortSignal.any([signal, limit]) : limit
  for (;;) {
    const running = await spawnServer(place)
    const release = guard([running.pid])
    try {
      await until(async () => running.hasExited() || (await answers(place)), 50, patience)
    } catch (error) {
      await stop(running, 2_000)
      release()
      throw new Error(await failureReport(place), { cause: error })
    }
    if (!running.hasExited()) return { running, release }
    release()
    const report = await failureReport(place)
    // After a kill -9 its processes take a moment to notice that they are alone, and to go.
    if (!report.includes('still in use') && !report.includes('Is another postmaster')) throw new Error(report)
    patience.throwIfAborted()
  }
}

async function spawnServer({ bin, dir, data, port, user }: Place): Promise<Running> {
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', ...SETTINGS }
  const log = await open(join(dir, 'server.log'), 'w')
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  try {
    return await start(join(bin, 'postgres'), ['-D', data, ...args], {
      cwd: dir,
      stdio: ['ignore', log.fd, log.fd],
      ...user,
    })
  } finally {
    await log.close()
  }
}

/** SIGINT is PostgreSQL's fast shutdown; the SIGTERM of an ordinary stop would wait for the clients to leave. */
async function stopFast(running: Running): Promise<void> {
  running.signal('SIGINT')
  await stop(running, STOP_LIMIT_MS)
}

function answers({ bin, port }: Place): Promise<boolean> {
  return capture(join(bin, 'pg_isready'), ['--host=127.0.0.1', `--port=${port}`, '--quiet']).then(
    () => true,
    () => false,
  )
}

async function failureReport({ dir }: Place): Promise<string> {
  const log = await readFile(join(dir, 'server.log'), 'utf8').catch(() => '')
  return `PostgreSQL did not start.\n${log.trimEnd().split('\n').slice(-15).join('\n')}`
}
