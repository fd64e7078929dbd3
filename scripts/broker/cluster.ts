// Several RabbitMQ nodes on this machine that form one cluster, each with ports and data of its own.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import { freePorts, until } from '../processes/ports.ts'
import { launchEpmd } from './epmd.ts'
import { type RabbitInstallation, requireRabbit, waysToInstall } from './install.ts'
import { type RabbitNode, startRabbitNode } from './node.ts'

export interface RabbitClusterOptions {
  /** Each node has a folder of its own in here; starting again with the same folder finds the data again. */
  dir: string
  /** How many; an odd number, since most of them must agree. */
  nodes: number
  /** The first node's; the others follow one by one. Free ones by default. */
  amqpPort?: number
  managementPort?: number
  installation?: RabbitInstallation
  /** Aborting gives up the start, and leaves nothing running. */
  signal?: AbortSignal
}

export interface RabbitCluster {
  /** For AMQP_URL: all hosts, separated by commas. */
  readonly amqpUrl: string
  /** Any of them can be stopped, killed and started again by itself. */
  readonly nodes: readonly RabbitNode[]
  /** Ends all nodes in the orderly way, at the same time, within the limit by force. */
  stop(limitMs?: number): Promise<void>
}

const joinLimitMs = 60_000

/**
 * Starts the nodes and resolves when each of them sees all others: a queue that is declared earlier
 * would be replicated on fewer.
 * @throws an Error with the last lines of a node's logs if it does not come up
 */
export async function startRabbitCluster(options: RabbitClusterOptions): Promise<RabbitCluster> {
  const { nodes: count, signal } = options
  const installation = options.installation ?? (await requireRabbit(console.error, waysToInstall, signal))
  const address = '127.0.0.1'
  const [epmdPort = 0] = await freePorts(1)
  // One for all, and not a node's own: that one would end with its node, and nobody would find the others.
  const epmd = await launchEpmd({ installation, epmdPort, address })
  const releaseGuard = epmd ? guard([epmd.pid]) : () => undefined
  const members = Array.from({ length: count }, (_, index) => `orders${index + 1}@localhost`)
  const cookie = randomBytes(16).toString('hex')
  const startNode = (name: string, index: number) =>
    startRabbitNode({
      dir: folderOf(options.dir, index),
      name,
      address,
      amqpPort: options.amqpPort && options.amqpPort + index,
      managementPort: options.managementPort && options.managementPort + index,
      epmdPort,
      cookie,
      cluster: index === 0 ? {} : { join: members[0] },
      installation,
      signal,
    })
  const nodes: RabbitNode[] = []
  const startNodes = async (names: string[]) => {
    const started = await Promise.allSettled(names.map((name) => startNode(name, members.indexOf(name))))
    for (const result of started) if (result.status === 'fulfilled') nodes.push(result.value)
    for (const result of started) if (result.status === 'rejected') throw result.reason
  }
  const stopAll = async (limitMs?: number) => {
    await Promise.all(nodes.map((node) => node.stop(limitMs)))
    if (epmd) await stop(epmd, 1000)
    releaseGuard()
  }
  try {
    // Nodes that have been members wait for each other, so they start together; a new one needs a node to join.
    const known = members.filter((_, index) => existsSync(folderOf(options.dir, index)))
    const first = known.length > 0 ? known : members.slice(0, 1)
    await startNodes(first)
    await startNodes(members.filter((name) => !first.includes(name)))
    await untilJoined(nodes, signal)
    // A member may be seen before it has booted to the end: a virtual host made in that moment would never run on it.
    await Promise.all(nodes.map((node) => node.rabbitmqctl(['await_startup'])))
  } catch (error) {
    await stopAll()
    throw error
  }
  const hosts = nodes.map(({ amqpUrl }) => new URL(amqpUrl).host)
  return { amqpUrl: `amqp://guest:guest@${hosts.join(',')}`, nodes, stop: stopAll }
}

function folderOf(dir: string, index: number): string {
  return join(resolve(dir), `node${index + 1}`)
}

async function untilJoined(nodes: RabbitNode[], signal?: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(joinLimitMs)
  const haveJoined = async () => {
    const seen = await Promise.all(nodes.map(runningMembers))
    return seen.every((members) => members === nodes.length)
  }
  try {
    await until(haveJoined, 100, signal ? AbortSignal.any([signal, limit]) : limit)
  } catch (error) {
    signal?.throwIfAborted()
    throw new Error(`The RabbitMQ nodes did not become one cluster within ${joinLimitMs / 1000} s.`, { cause: error })
  }
}

/** How many running nodes a node knows of, itself included. */
async function runningMembers({ managementUrl }: RabbitNode): Promise<number> {
  const answer = await fetch(`${managementUrl}/api/nodes`, {
    // A connection left open for reuse would make the node wait for it, five seconds, when it stops.
    headers: { authorization: `Basic ${btoa('guest:guest')}`, connection: 'close' },
    signal: AbortSignal.timeout(3000),
  })
  const members = (await answer.json()) as { running: boolean }[]
  return members.filter(({ running }) => running).length
}
