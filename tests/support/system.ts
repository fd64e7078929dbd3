// The whole system for a test: six real service processes on free ports, with data and vhost of their own.
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { type Running, start, stop } from '../../scripts/processes/child.ts'
import { freePorts } from '../../scripts/processes/ports.ts'

export const serviceNames = ['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'] as const
export type ServiceName = (typeof serviceNames)[number]

export interface OrderView {
  orderId: string
  status: string
  reason: string | null
  totalCents: number | null
  lines: { sku: string; quantity: number }[]
  facts: { type: string; at: string }[]
}

export interface System {
  dataDir: string
  url(service: ServiceName): string
  /** Starts a service that is not running and waits until it is ready. */
  start(service: ServiceName): Promise<void>
  /** kill -9. */
  kill(service: ServiceName): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  terminate(service: ServiceName): Promise<number | null>
  post(path: string, body: object, service?: ServiceName): Promise<{ status: number; body: unknown }>
  get<T>(path: string, service?: ServiceName): Promise<T>
  order(orderId: string): Promise<OrderView>
  /** What the service has logged since the system was started, across its restarts. */
  log(service: ServiceName): Promise<LogLine[]>
  /** Waits until the order is completed or cancelled. */
  ended(orderId: string, withinMs?: number): Promise<OrderView>
  /** Stops what still runs, by force if need be, and removes the data. */
  stop(): Promise<void>
}

export interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

interface Options {
  amqpUrl: string
  /** Settings beyond the defaults of tests, which are a transit time of 50 ms and few logs. */
  environment?: Record<string, string>
  /** Where the services were built; default: where `npm test` did. */
  servicesDir?: string
}

/** Starts all six and waits until each is ready. */
export async function startSystem({
  amqpUrl,
  environment = {},
  servicesDir = builtServices(),
}: Options): Promise<System> {
  const folder = await scratchFolder()
  const dataDir = join(folder.path, 'data')
  await mkdir(dataDir, { recursive: true })
  const ports = await freePorts(serviceNames.length)
  const running = new Map<ServiceName, Running>()

  const logPath = (service: ServiceName) => join(folder.path, `${service}.log`)
  const url = (service: ServiceName) => `http://127.0.0.1:${ports[serviceNames.indexOf(service)]}`

  async function launch(service: ServiceName): Promise<void> {
    const log = await open(logPath(service), 'a')
    const settings = {
      PORT: String(ports[serviceNames.indexOf(service)]),
      AMQP_URL: amqpUrl,
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      SHIPPING_TRANSIT_MS: '50',
      ...environment,
    }
    const { OPERATOR_TOKENS: _, CUSTOMER_TOKENS: __, DATABASE_URL: ___, ...inherited } = process.env
    running.set(
      service,
      await start(process.execPath, ['--enable-source-maps', join(servicesDir, `${service}-service`, 'main.js')], {
        env: { ...inherited, ...settings },
        stdio: ['ignore', log.fd, log.fd],
      }),
    )
    await log.close()
  }

  const isReady = async (service: ServiceName) => {
    if (running.get(service)?.hasExited())
      throw new Error(`${service}-service ended: ${await readFile(logPath(service), 'utf8')}`)
    return fetch(`${url(service)}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  }

  const ready = (service: ServiceName) => eventually(`${service}-service is ready`, () => isReady(service), 45_000)

  async function signal(service: ServiceName, name: NodeJS.Signals): Promise<number | null> {
    const process = running.get(service)
    running.delete(service)
    process?.signal(name)
    return (await process?.exited)?.code ?? null
  }

  const get = async <T>(path: string, service: ServiceName = 'order'): Promise<T> => {
    const answer = await fetch(`${url(service)}${path}`)
    return (await answer.json()) as T
  }

  const order = (orderId: string) => get<OrderView>(`/orders/${orderId}`)

  const system: System = {
    dataDir,
    url,
    async start(service) {
      await launch(service)
      await ready(service)
    },
    async kill(service) {
      await signal(service, 'SIGKILL')
    },
    terminate: (service) => signal(service, 'SIGTERM'),
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
    async stop() {
      await Promise.all([...running.values()].map((process) => stop(process, 10_000)))
      await folder.remove()
    },
  }
  await Promise.all(serviceNames.map(launch))
  await Promise.all(serviceNames.map(ready)).catch(async (error: unknown) => {
    await system.stop()
    throw error
  })
  return system
}

/** Built, since compiling six services at every start takes longer than most tests. */
function builtServices(): string {
  const built = process.env.TEST_SERVICES_DIR
  if (built === undefined) throw new Error('TEST_SERVICES_DIR is not set: run the tests by npm test, which builds them')
  return built
}

/** The lines of a log that are JSON; a line that is still being written is not there yet. */
export function linesOf(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
}
