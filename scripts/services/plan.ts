// Which service processes npm start runs: name, port and environment of each, decided before anything is started.
import { parseArgs } from 'node:util'
import { services as names } from '@orders/shared/contracts'

export interface ServicePlan {
  /** As it stands before each line of its log. */
  label: string
  /** Below the folder of the build. */
  entry: string
  port: number
  /** Where this machine reaches it. */
  url: string
  environment: NodeJS.ProcessEnv
}

/** Copies beyond it would only take turns at the same processor. */
const copiesMax = 16
/** Between the ports of one copy and those of the next. */
const portsPerCopy = 10

/**
 * One process per service and copy. The first copy listens on PORT_BASE plus its place in the list, the second ten ports
 * further up, and so on.
 */
export function planServices(environment: NodeJS.ProcessEnv, amqpUrl: string, copies = 1): ServicePlan[] {
  const base = portBase(environment.PORT_BASE, copies)
  // PORT is for a service started alone; here it would put all of them on one port.
  const { PORT: _, ...inherited } = environment
  const host = reachableHost(environment.HOST)
  return Array.from({ length: copies }, (_, copy) => base + copy * portsPerCopy).flatMap((copyBase, copy) =>
    names.map((name, place) => ({
      label: copies === 1 ? name : `${name}#${copy + 1}`,
      entry: `${name}-service/main.js`,
      port: copyBase + place,
      url: `http://${host}:${copyBase + place}`,
      environment: { ...inherited, PORT_BASE: String(copyBase), AMQP_URL: amqpUrl, LOG_PRETTY: '1' },
    })),
  )
}

/**
 * Reads the arguments of `npm start`.
 *
 * @throws an Error that says how to use it
 */
export function copiesWanted(args: string[]): number {
  const usage = `npm start -- --copies 2 runs two copies of each service; at most ${copiesMax}.`
  try {
    const { values } = parseArgs({ args, options: { copies: { type: 'string', default: '1' } } })
    const copies = Number(values.copies)
    if (Number.isInteger(copies) && copies >= 1 && copies <= copiesMax) return copies
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}. ${usage}`)
  }
  throw new Error(`--copies must be a whole number from 1 to ${copiesMax}. ${usage}`)
}

function portBase(text = '8080', copies: number): number {
  const base = Number(text)
  const last = base + (copies - 1) * portsPerCopy + names.length - 1
  if (Number.isInteger(base) && base > 0 && last <= 65_535) return base
  throw new Error(
    `PORT_BASE must be a port number, and is "${text}". The services take it and the ports up to ${last}.`,
  )
}

/** A service that listens everywhere is asked on loopback. */
function reachableHost(host = '127.0.0.1'): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  if (host === '127.0.0.1') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
