// The project's own RabbitMQ cluster, for people: data that stays below .data/, and what to type to use it and to harm it.
import { relative, resolve } from 'node:path'
import { portIsFree } from '../processes/ports.ts'
import { type RabbitCluster, startRabbitCluster } from './cluster.ts'
import type { Broker } from './ensure.ts'
import { requireRabbit, waysToInstall } from './install.ts'

const dir = '.data/rabbitmq-cluster'

/** Starts it on 5672, 15672 and the ports behind them, or on others where one of those is taken. */
export async function startOwnCluster(
  count: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Broker> {
  const installation = await requireRabbit(say, waysToInstall, signal)
  say(`Starting ${count} RabbitMQ nodes (about ${5 * count} seconds) …`)
  const cluster = await startRabbitCluster({
    dir: resolve(dir),
    nodes: count,
    amqpPort: await firstOf(5672, count),
    managementPort: await firstOf(15672, count),
    installation,
    signal,
  })
  const [first] = cluster.nodes
  return {
    amqpUrl: cluster.amqpUrl,
    managementUrl: first?.managementUrl,
    rabbitmqctl: first && relative(process.cwd(), first.rabbitmqctlPath),
    how: describe(cluster),
    stop: cluster.stop,
  }
}

function describe({ amqpUrl, nodes }: RabbitCluster): string {
  const lines = nodes.map((node) => {
    const rabbitmqctl = relative(process.cwd(), node.rabbitmqctlPath)
    return `  ${node.name}: ${node.amqpUrl}; stop and start it: ${rabbitmqctl} stop_app, start_app; kill it: kill -9 ${node.pid}`
  })
  return [
    `Started a RabbitMQ cluster; its data is in ${dir}.`,
    ...lines,
    `Use it in another terminal: AMQP_URL=${amqpUrl} npm start`,
  ].join('\n')
}

/** Undefined, which lets each node take a free port, unless all in a row are free. */
async function firstOf(port: number, count: number): Promise<number | undefined> {
  const free = await Promise.all(Array.from({ length: count }, (_, index) => portIsFree(port + index)))
  return free.every(Boolean) ? port : undefined
}
