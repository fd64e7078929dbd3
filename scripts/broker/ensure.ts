// Makes sure that a broker is there: one the user has, or else one of the project's own, which it stops again.
import { resolve } from 'node:path'
import { somethingListens } from '../processes/ports.ts'
import { dockerWorks, startContainer } from './docker.ts'
import { findRabbit, type RabbitInstallation, requireRabbit, waysToGetABroker } from './install.ts'
import { startOwnNode } from './own-node.ts'
import { probeAmqp } from './probe.ts'

export interface Broker {
  readonly amqpUrl: string
  readonly managementUrl?: string
  /** What to type for rabbitmqctl, where that is known. */
  readonly rabbitmqctl?: string
  /** One sentence: what was found or started. */
  readonly how: string
  /** Stops what was started here, if anything was, by force after the limit. */
  stop(limitMs?: number): Promise<void>
}

export interface EnsureBrokerOptions {
  /** Gets one line for each thing that takes time. */
  say?: (line: string) => void
  signal?: AbortSignal
}

const localUrl = 'amqp://guest:guest@localhost:5672'
const localManagementUrl = 'http://localhost:15672'

/**
 * AMQP_URL, else what listens on 5672, else an installed RabbitMQ, else Docker, else apt-get as root.
 * @throws an Error that lists these ways when none works
 */
export async function ensureBroker(options: EnsureBrokerOptions = {}): Promise<Broker> {
  const { say = () => undefined, signal } = options
  const url = process.env.AMQP_URL
  // Reachable or not: the services wait for a broker by themselves.
  if (url) return foreign(url, `Using the broker of AMQP_URL (${withoutPassword(url)}).`)
  const listening = await useListening()
  if (listening) return listening
  const installed = findRabbit()
  if (installed) return await startOwn(installed, options)
  if (await dockerWorks()) return await startInDocker(options)
  const installation = await requireRabbit(say, waysToGetABroker, signal)
  // The package may have started its own service in spite of us; then that is the broker, and stays.
  return (await useListening()) ?? (await startOwn(installation, options))
}

async function useListening(): Promise<Broker | undefined> {
  const result = await probeAmqp(5672)
  if (result === 'nothing') return undefined
  if (result === 'ready') {
    const managed = await somethingListens(15672)
    const how = 'Using the RabbitMQ that already listens on localhost:5672; it keeps running afterwards.'
    return foreign(localUrl, how, managed ? localManagementUrl : undefined)
  }
  const fault =
    result === 'guest refused'
      ? 'A broker listens on localhost:5672 but does not let guest/guest in.'
      : 'Something that is not RabbitMQ listens on localhost:5672.'
  throw new Error(
    `${fault} Set AMQP_URL to the broker to use (amqp://user:password@host:port), or stop the program that listens there.`,
  )
}

function foreign(amqpUrl: string, how: string, managementUrl?: string): Broker {
  return { amqpUrl, managementUrl, how, stop: async () => undefined }
}

async function startOwn(installation: RabbitInstallation, { say, signal }: EnsureBrokerOptions): Promise<Broker> {
  say?.('Starting RabbitMQ (about six seconds) …')
  const { node, rabbitmqctl } = await startOwnNode(resolve('.data/rabbitmq'), installation, signal)
  return {
    amqpUrl: localUrl,
    managementUrl: node.managementUrl.replace('127.0.0.1', 'localhost'),
    rabbitmqctl,
    how: 'Started RabbitMQ as a node of the project; its data is in .data/rabbitmq.',
    stop: node.stop,
  }
}

async function startInDocker({ say, signal }: EnsureBrokerOptions): Promise<Broker> {
  say?.('Starting RabbitMQ in Docker (the first time its image is fetched) …')
  const { rabbitmqctl, stop } = await startContainer(signal)
  const how = 'Started RabbitMQ in Docker; its data is in the volume order-choreography-rabbitmq.'
  return { amqpUrl: localUrl, managementUrl: localManagementUrl, rabbitmqctl, how, stop }
}

function withoutPassword(urls: string): string {
  return urls.replace(/\/\/([^:@/]*):[^@]*@/g, '//$1@')
}
