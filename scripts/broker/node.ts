// Runs a private RabbitMQ node: own data, ports, cookie and name server, nothing shared with a broker of the system.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { capture, type Running, start, stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import { freePorts, until } from '../processes/ports.ts'
import { launchEpmd } from './epmd.ts'
import { type RabbitInstallation, requireRabbit, waysToInstall } from './install.ts'
import {
  type ClusterMembership,
  prepareNodeFiles,
  type RabbitNodeFiles,
  type RabbitNodeSettings,
} from './node-files.ts'
import { probeAmqp } from './probe.ts'

export interface RabbitNodeOptions {
  /** Everything of the node lies here; starting again with the same folder and name finds the data again. */
  dir: string
  name?: string
  address?: string
  amqpPort?: number
  managementPort?: number
  /** The port of Erlang's name server; where none runs there, the node brings its own. */
  epmdPort?: number
  cookie?: string
  /** Absent when it is alone. */
  cluster?: ClusterMembership
  installation?: RabbitInstallation
  /** More lines for rabbitmq.conf. */
  configuration?: string[]
  /** Aborting gives up the start, and leaves nothing running. */
  signal?: AbortSignal
}

export interface RabbitNode {
  /** Erlang's name for it, `name@host`. */
  readonly name: string
  readonly amqpUrl: string
  readonly managementUrl: string
  /** The process id of the broker itself; another one after a restart. */
  readonly pid: number
  /** A script that runs rabbitmqctl against this node, for people and for tests. */
  readonly rabbitmqctlPath: string
  /** Runs rabbitmqctl and gives what it printed; throws with its message when it fails. */
  rabbitmqctl(args: string[]): Promise<string>
  /** Ends the node in the orderly way, within the limit (default 8 s) by force. Does nothing when it has ended. */
  stop(limitMs?: number): Promise<void>
  /** kill -9: the broker gets no chance to write anything. */
  kill(): Promise<void>
  /** Starts the node again on the same data and ports, after stop() or kill(); a running one is stopped first. */
  restart(): Promise<void>
}

interface RunningNode {
  /** Absent where one of the machine's is used. */
  epmd: Running | undefined
  server: Running
  releaseGuard: () => void
}

const startLimitMs = 60_000
const stopLimitMs = 8000

/**
 * Starts a node and resolves when AMQP and the management API answer. Stop it with stop(); should this process die
 * first, the node is told to end as well.
 * @throws an Error with the last lines of the node's logs if it does not come up
 */
export async function startRabbitNode(options: RabbitNodeOptions): Promise<RabbitNode> {
  const settings = await completeSettings(options)
  const files = await prepareNodeFiles(settings)
  let node: RunningNode | undefined = await launch(settings, files, options.signal)

  async function end(how: (server: Running) => Promise<void>): Promise<void> {
    const ending = node
    node = undefined
    if (!ending) return
    await how(ending.server)
    if (ending.epmd) await stop(ending.epmd, 1000)
    ending.releaseGuard()
  }

  return {
    name: settings.name,
    amqpUrl: `amqp://guest:guest@127.0.0.1:${settings.amqpPort}`,
    managementUrl: `http://127.0.0.1:${settings.managementPort}`,
    get pid() {
      return node?.server.pid ?? 0
    },
    rabbitmqctlPath: files.rabbitmqctlPath,
    rabbitmqctl: (args) => capture(files.rabbitmqctlPath, ['--quiet', ...args]),
    stop: (limitMs = stopLimitMs) => end((server) => stopInOrder(server, files, limitMs)),
    kill: () => end((server) => stop(server, 0)),
    restart: async () => {
      await end((server) => stopInOrder(server, files, stopLimitMs))
      node = await launch(settings, files)
    },
  }
}

async function completeSettings(options: RabbitNodeOptions): Promise<RabbitNodeSettings> {
  const dir = resolve(options.dir)
  const [amqpPort = 0, managementPort = 0, distributionPort = 0, epmdPort = 0] = await freePorts(4)
  const cookiePath = join(dir, 'home', '.erlang.cookie')
  const earlierCookie = existsSync(cookiePath) ? readFileSync(cookiePath, 'utf8') : undefined
  return {
    installation: options.installation ?? (await requireRabbit(console.error, waysToInstall, options.signal)),
    dir,
    name: options.name ?? 'orders@localhost',
    address: options.address ?? '127.0.0.1',
    amqpPort: options.amqpPort ?? amqpPort,
    managementPort: options.managementPort ?? managementPort,
    distributionPort,
    epmdPort: options.epmdPort ?? epmdPort,
    cookie: options.cookie ?? earlierCookie ?? randomBytes(16).toString('hex'),
    cluster: options.cluster,
    configuration: options.configuration ?? [],
  }
}

async function launch(
  settings: RabbitNodeSettings,
  files: RabbitNodeFiles,
  signal?: AbortSignal,
): Promise<RunningNode> {
  const epmd = await launchEpmd(settings)
  const output = await open(files.consoleLogPath, 'w')
  try {
    const server = await start(join(settings.installation.bin, 'rabbitmq-server'), [], {
      cwd: settings.dir,
      env: files.environment,
      stdio: ['ignore', output.fd, output.fd],
    })
    const releaseGuard = guard(epmd ? [server.pid, epmd.pid] : [server.pid])
    try {
      await untilReady(settings, files, server, signal)
      return { epmd, server, releaseGuard }
    } catch (error) {
      await stop(server, 2000)
      releaseGuard()
      throw error
    }
  } catch (error) {
    if (epmd) await stop(epmd, 1000)
    throw error
  } finally {
    await output.close()
  }
}

/**
 * While a node stops, the management plugin's event handler calls a process that is itself waiting for the handler, and
 * both sit out a timeout of five seconds. Taking the handler away first spares that; where it is not there, no harm.
 */
async function stopInOrder(server: Running, files: RabbitNodeFiles, limitMs: number): Promise<void> {
  const startedAt = Date.now()
  const removal = 'gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, []).'
  const options = { signal: AbortSignal.timeout(Math.ceil(limitMs / 3)) }
  if (!server.hasExited()) await capture(files.rabbitmqctlPath, ['eval', removal], options).catch(() => undefined)
  await stop(server, limitMs - (Date.now() - startedAt))
}

async function untilReady(
  settings: RabbitNodeSettings,
  files: RabbitNodeFiles,
  server: Running,
  signal?: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.timeout(startLimitMs)
  const isReady = async () =>
    server.hasExited() || ((await probeAmqp(settings.amqpPort)) === 'ready' && (await managementAnswers(settings)))
  try {
    await until(isReady, 100, signal ? AbortSignal.any([signal, limit]) : limit)
  } catch (error) {
    signal?.throwIfAborted()
    throw new Error(await failureReport(`RabbitMQ did not answer within ${startLimitMs / 1000} s.`, files), {
      cause: error,
    })
  }
  if (server.hasExited()) throw new Error(await failureReport('RabbitMQ ended while it was starting.', files))
}

async function managementAnswers({ managementPort }: RabbitNodeSettings): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${managementPort}/api/overview`, {
    // A connection left open for reuse would make the node wait for it, five seconds, when it stops.
    headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`, connection: 'close' },
    signal: AbortSignal.timeout(3000),
  }).catch(() => undefined)
  return answer?.ok ?? false
}

async function failureReport(what: string, files: RabbitNodeFiles): Promise<string> {
  const paths = [files.consoleLogPath, files.brokerLogPath]
  const logs = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')))
  const tails = paths.map((path, index) => {
    const lines = (logs[index] ?? '').trimEnd().split('\n').slice(-15)
    return `--- ${path}\n${lines.join('\n')}`
  })
  // RabbitMQ's own words for it are among many others.
  const isOfAnother = logs.some((log) => log.includes('failed_to_initialize_feature_flags_registry'))
  const dataOf = `Its data in ${dirname(dirname(files.brokerLogPath))} is from a RabbitMQ version that is too old or too new for this one: remove the folder, or run that version.`
  return [what, ...tails, ...(isOfAnother ? [dataOf] : [])].join('\n')
}
