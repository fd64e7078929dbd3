// The whole system for a test: real service processes on free ports, with data and vhost of their own.
import { cp, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ServiceNoun, services } from '@orders/shared/contracts'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { type Running, start, stop } from '../../scripts/processes/child.ts'
import { freePorts } from '../../scripts/processes/ports.ts'

export { services as serviceNames }
export type ServiceName = ServiceNoun

export interface OrderView {
  orderId: string
  status: string
  reason: string | null
  totalCents: number | null
  lines: { sku: string; quantity: number }[]
  facts: { type: string; at: string }[]
}

/** Where a copy is meant, the first is number 1, and the default. */
export interface System {
  dataDir: string
  url(service: ServiceName, copy?: number): string
  /** Starts a service that is not running and waits until it is ready. */
  start(service: ServiceName, copy?: number): Promise<void>
  /** Starts a service that is not running, for this start only with these settings or of this build, and does not wait. */
  launch(service: ServiceName, copy?: number, environment?: Environment, builtIn?: string): Promise<Running>
  isReady(service: ServiceName, copy?: number): Promise<boolean>
  /** kill -9. */
  kill(service: ServiceName, copy?: number): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  terminate(service: ServiceName, copy?: number): Promise<number | null>
  post(path: string, body: object, service?: ServiceName): Promise<{ status: number; body: unknown }>
  get<T>(path: string, service?: ServiceName): Promise<T>
  order(orderId: string): Promise<OrderView>
  /** What the service has logged since the system was started, across its restarts. */
  log(service: ServiceName): Promise<LogLine[]>
  /** Waits until the order is completed or cancelled. */
  ended(orderId: string, withinMs?: number): Promise<OrderView>
  /** Copies logs and data into the folder, in place of what was there; for when nothing runs any more. */
  keepIn(path: string): Promise<void>
  /** Stops what still runs, by force if need be, and removes the data. */
  stop(): Promise<void>
}

export interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

type Environment = Record<string, string>

interface Options {
  amqpUrl: string
  /** Settings beyond the defaults of tests, which are a transit time of 50 ms, little patience and few logs. */
  environment?: Environment
  /** What one service, or one copy of it, gets besides. */
  environmentOf?: (service: ServiceName, copy: number) => Environment
  /** Processes of each service, which share its data and queues; default 1. */
  copies?: number
  /** A module that is loaded into each process before the service, and hears what is sent to it. */
  preload?: string
  /** Where their data lies, for who measures or breaks disks; default is memory, where there is enough. */
  onDisk?: boolean
  /** Those that are started; default: all. */
  services?: readonly ServiceName[]
  /** Where the services were built; default: where `npm test` did. */
  servicesDir?: string
  /** The data of another system, which its services share; default: data of their own. */
  dataDir?: string
}

/** Starts all of them and waits until each is ready. */
export async function startSystem(options: Options): Promise<System> {
  const system = await prepareSystem(options)
  const copies = Array.from({ length: options.copies ?? 1 }, (_, index) => index + 1)
  const wanted = options.services ?? services
  await Promise.all(wanted.flatMap((service) => copies.map((copy) => system.start(service, copy)))).catch(
    async (error: unknown) => {
      await system.stop()
      throw error
    },
  )
  return system
}

/** A system of which nothing runs yet. */
export async function prepareSystem({
  amqpUrl,
  environment = {},
  environmentOf = () => ({}),
  copies = 1,
  preload,
  onDisk = false,
  servicesDir = builtServices(),
  dataDir: sharedDataDir,
}: Options): Promise<System> {
  const folder = await scratchFolder({ onDisk })
  const dataDir = sharedDataDir ?? join(folder.path, 'data')
  await mkdir(dataDir, { recursive: true })
  const ports = await freePorts(services.length * copies)
  const running = new Map<string, Running>()

  const keyOf = (service: ServiceName, copy = 1) => `${service} ${copy}`
  const logPath = (service: ServiceName) => join(folder.path, `${service}.log`)
  const portOf = (service: ServiceName, copy = 1) => ports[services.indexOf(service) * copies + copy - 1]
  const url = (service: ServiceName, copy = 1) => `http://127.0.0.1:${portOf(service, copy)}`

  async function launch(
    service: ServiceName,
    copy = 1,
    onceOnly: Environment = {},
    builtIn = servicesDir,
  ): Promise<Running> {
    const log = await open(logPath(service), 'a')
    const settings = {
      PORT: String(portOf(service, copy)),
      AMQP_URL: amqpUrl,
      // What listens on the usual port beside the tests' broker is somebody else's.
      MANAGEMENT_URL: 'off',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      SHIPPING_TRANSIT_MS: '50',
      PAYMENT_PATIENCE_MS: '20000',
      SHIPPING_PATIENCE_MS: '20000',
      // Longer than the claim of a killed process stands, which later news of its order wait for.
      MAIL_PATIENCE_MS: '60000',
      CHANNEL_PATIENCE_MS: '60000',
      ...environment,
      ...environmentOf(service, copy),
      ...onceOnly,
    }
    const { OPERATOR_TOKENS: _, CUSTOMER_TOKENS: __, DATABASE_URL: ___, ...inherited } = process.env
    const loaded = preload === undefined ? [] : ['--import', pathToFileURL(preload).href]
    const main = join(builtIn, `${service}-service`, 'main.js')
    const started = await start(process.execPath, [...loaded, main], {
      env: { ...inherited, ...settings },
      stdio: ['ignore', log.fd, log.fd, ...(preload === undefined ? [] : ['ipc' as const])],
    })
    await log.close()
    running.set(keyOf(service, copy), started)
    return started
  }

  const isReady = async (service: ServiceName, copy = 1) => {
    if (running.get(keyOf(service, copy))?.hasExited())
      throw new Error(`${service}-service ended: ${await readFile(logPath(service), 'utf8')}`)
    return fetch(`${url(service, copy)}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  }

  async function signal(service: ServiceName, name: NodeJS.Signals, copy = 1): Promise<number | null> {
    const process = running.get(keyOf(service, copy))
    running.delete(keyOf(service, copy))
    process?.signal(name)
    return (await process?.exited)?.code ?? null
  }

  const get = async <T>(path: string, service: ServiceName = 'order'): Promise<T> => {
    const answer = await fetch(`${url(service)}${path}`)
    return (await answer.json()) as T
  }

  const order = (orderId: string) => get<OrderView>(`/orders/${orderId}`)

  return {
    dataDir,
    url,
    async start(service, copy) {
      await launch(service, copy)
      await eventually(`${service}-service is ready`, () => isReady(service, copy), 45_000)
    },
    launch,
    isReady,
    async kill(service, copy) {
      await signal(service, 'SIGKILL', copy)
    },
    terminate: (service, copy) => signal(service, 'SIGTERM', copy),
    async post(path, body, service = 'order') {
      const answer = await fetch(`${url(service)}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: answer.status, body: await answer.json() }
    },
    get,
    order,
    log: async (service) => linesOf(await readFile(logPath(service), 'utf8')),
    ended(orderId, withinMs = 30_000) {
      return eventually(
        `order ${orderId} has ended`,
        async () => {
          const now = await order(orderId)
          return (now.status === 'completed' || now.status === 'cancelled') && now
        },
        withinMs,
      )
    },
    async keepIn(path) {
      await rm(path, { recursive: true, force: true })
      await cp(folder.path, path, { recursive: true })
    },
    async stop() {
      await Promise.all([...running.values()].map((process) => stop(process, 10_000)))
      await folder.remove()
    },
  }
}

/** Built, since compiling the services at every start takes longer than most tests. */
export function builtServices(): string {
  const built = process.env.TEST_SERVICES_DIR
  if (built === undefined) throw new Error('TEST_SERVICES_DIR is not set: run the tests by npm test, which builds them')
  return built
}

/** The lines of a log that are JSON; a line that is still being written is not there yet. */
export function linesOf(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
}
