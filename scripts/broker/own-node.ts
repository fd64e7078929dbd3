// The project's own RabbitMQ: data that stays below .data/, the usual ports, and where possible a plain `rabbitmqctl`.
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join, relative } from 'node:path'
import { portIsFree } from '../processes/ports.ts'
import type { RabbitInstallation } from './install.ts'
import { type RabbitNode, startRabbitNode } from './node.ts'
import { nodeNameFile } from './node-files.ts'
import { epmdNames } from './probe.ts'

const usualEpmdPort = 4369
const systemCookiePath = '/var/lib/rabbitmq/.erlang.cookie'

export interface OwnNode {
  node: RabbitNode
  /** What to type for rabbitmqctl. */
  rabbitmqctl: string
}

/** Starts the project's node on 5672, and on 15672 unless something else has that port. */
export async function startOwnNode(
  dir: string,
  installation: RabbitInstallation,
  signal?: AbortSignal,
): Promise<OwnNode> {
  const identity = await chooseIdentity(dir)
  const node = await startRabbitNode({
    dir,
    installation,
    signal,
    amqpPort: 5672,
    managementPort: (await portIsFree(15672)) ? 15672 : undefined,
    name: identity.name,
    address: identity.address,
    cookie: identity.cookie,
    epmdPort: identity.isUsual ? usualEpmdPort : undefined,
  })
  return { node, rabbitmqctl: identity.isUsual ? 'rabbitmqctl' : relative(process.cwd(), node.rabbitmqctlPath) }
}

interface Identity {
  name: string
  address: string
  cookie?: string
  /** True if the node can be found under the name, cookie and port that a rabbitmqctl without options tries. */
  isUsual: boolean
}

/**
 * Debian's rabbitmqctl looks for rabbit@<host>, through the name server on 4369, with the cookie of the system's
 * broker. Where all three can be had, people need no wrapper; elsewhere the name is independent of the machine's.
 */
async function chooseIdentity(dir: string): Promise<Identity> {
  const host = hostname().split('.')[0] ?? 'localhost'
  // The node's data belongs to its name: the one it was first given stays, whatever the machine is called now.
  const earlier = readIfAllowed(join(dir, nodeNameFile))
  const address = await ownAddress(host)
  const cookie = readIfAllowed(systemCookiePath)
  if (address === undefined || cookie === undefined)
    return { name: earlier ?? 'rabbit@localhost', address: '127.0.0.1', isUsual: false }
  const name = earlier ?? `rabbit@${host}`
  const isUsual = name === `rabbit@${host}` && !(await epmdNames(usualEpmdPort)).includes('rabbit')
  return { name, address, cookie, isUsual }
}

/** The IPv4 address the machine's name stands for, if it is one of the machine's own. */
async function ownAddress(host: string): Promise<string | undefined> {
  const found = await lookup(host, { family: 4 }).catch(() => undefined)
  if (!found) return undefined
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const isOwn = found.address.startsWith('127.') || own.some((address) => address.address === found.address)
  return isOwn ? found.address : undefined
}

function readIfAllowed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
