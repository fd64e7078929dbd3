// Which service processes npm start runs: name, port and environment of each, decided before anything is started.
const names = ['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'] as const

export interface ServicePlan {
  /** As it stands before each line of its log. */
  label: string
  entry: string
  port: number
  /** Where this machine reaches it. */
  url: string
  environment: NodeJS.ProcessEnv
}

/** One process per service, on PORT_BASE plus its place in the list. */
export function planServices(environment: NodeJS.ProcessEnv, amqpUrl: string): ServicePlan[] {
  const base = portBase(environment.PORT_BASE)
  // PORT is for a service started alone; here it would put all six on one port.
  const { PORT: _, ...inherited } = environment
  const host = reachableHost(environment.HOST)
  return names.map((name, place) => ({
    label: name,
    entry: `${name}-service/main.ts`,
    port: base + place,
    url: `http://${host}:${base + place}`,
    environment: { ...inherited, PORT_BASE: String(base), AMQP_URL: amqpUrl, LOG_PRETTY: '1' },
  }))
}

function portBase(text = '8080'): number {
  const base = Number(text)
  if (Number.isInteger(base) && base > 0 && base + names.length <= 65536) return base
  throw new Error(`PORT_BASE must be a port number, and is "${text}". The services take it and the five after it.`)
}

/** A service that listens everywhere is asked on loopback. */
function reachableHost(host = '127.0.0.1'): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  if (host === '127.0.0.1') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
