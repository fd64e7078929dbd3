// Which service processes npm start runs: name, port and environment of each, decided before anything is started.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
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
/** What `--trace` means by itself. */
export const TO_CONSOLE = 'console'
const OWN_SDK = join('scripts', 'services', 'tracing.mjs')
/** Between the ports of one copy and those of the next. */
const portsPerCopy = Math.ceil(names.length / 10) * 10

/**
 * One process per service and copy. The first copy listens on PORT_BASE plus its place in the list, the second ten ports
 * further up, and so on.
 */
export function planServices(
  environment: NodeJS.ProcessEnv,
  amqpUrl: string,
  { copies = 1, trace }: { copies?: number | undefined; trace?: string | undefined } = {},
): ServicePlan[] {
  const base = portBase(environment.PORT_BASE, copies)
  // PORT is for a service started alone; here it would put all of them on one port.
  const { PORT: _, ...told } = environment
  const host = reachableHost(environment.HOST)
  const audit = `http://${host}:${base + names.indexOf('audit')}`
  const inherited = trace === undefined ? told : { ...told, ...tracing(trace, audit, told) }
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

/** The SDK that comes along sends to the console, unless it is told another place by its own variable. */
function tracing(trace: string, audit: string, told: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const [token] = told.OPERATOR_TOKENS?.split(',').map((named) => named.slice(named.indexOf(':') + 1)) ?? []
  const toConsole = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${audit}/v1/traces`,
    ...(token && { OTEL_EXPORTER_OTLP_TRACES_HEADERS: `authorization=${encodeURIComponent(`Bearer ${token}`)}` }),
  }
  const isElsewhere = told.OTEL_EXPORTER_OTLP_ENDPOINT ?? told.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  return {
    ...(trace === TO_CONSOLE && isElsewhere === undefined && toConsole),
    NODE_OPTIONS: importing(trace === TO_CONSOLE ? OWN_SDK : trace, told.NODE_OPTIONS),
  }
}

/** As Node takes it, beside what it was told already; a URL has no blanks. */
const importing = (trace: string, options = '') => `${options} --import=${pathToFileURL(resolve(trace))}`.trim()

export interface Wanted {
  copies: number
  /** A module that loads an SDK, into each service before anything else; or the one that comes along. */
  trace: string | undefined
}

/**
 * Reads the arguments of `npm start`.
 *
 * @throws an Error that says how to use it
 */
export function wanted(args: string[]): Wanted {
  const usage = `npm start -- --copies 2 runs two copies of each service (at most ${copiesMax}); --trace shows spans in the operator console; --trace FILE loads your own OpenTelemetry SDK.`
  try {
    const options = { copies: { type: 'string', default: '1' }, trace: { type: 'string' } } as const
    const { copies: number, trace } = parseArgs({ args: withOwnSdk(args), options }).values
    const copies = Number(number)
    if (Number.isInteger(copies) && copies >= 1 && copies <= copiesMax) return { copies, trace }
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}. ${usage}`)
  }
  throw new Error(`--copies must be a whole number from 1 to ${copiesMax}. ${usage}`)
}

/** `--trace` needs no value. */
const withOwnSdk = (args: string[]) =>
  args.flatMap((arg, index) =>
    arg === '--trace' && (args[index + 1] ?? '--').startsWith('--') ? [arg, TO_CONSOLE] : [arg],
  )

function portBase(text = '8080', copies: number): number {
  const base = Number(text)
  const last = base + (copies - 1) * portsPerCopy + names.length - 1
  if (Number.isInteger(base) && base > 0 && last <= 65_535) return base
  throw new Error(`PORT_BASE must be a port number, not "${text}". The services use it and the ports up to ${last}.`)
}

/** A service that listens everywhere is asked on loopback. */
function reachableHost(host = '127.0.0.1'): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  if (host === '127.0.0.1') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
