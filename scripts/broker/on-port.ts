// A RabbitMQ node for people on a port that they choose, beside whatever else runs: each port has a node and data of its own.
import { relative, resolve } from 'node:path'
import { portIsFree } from '../processes/ports.ts'
import type { Broker } from './ensure.ts'
import { requireRabbit, waysToInstall } from './install.ts'
import { startRabbitNode } from './node.ts'

/** @throws Error where the port is taken */
export async function startOnPort(port: number, say: (line: string) => void, signal: AbortSignal): Promise<Broker> {
  if (!(await portIsFree(port))) throw new Error(`Port ${port} is already in use.`)
  const installation = await requireRabbit(say, waysToInstall, signal)
  const dir = `.data/rabbitmq-${port}`
  say(`Starting RabbitMQ on port ${port} (about six seconds) …`)
  const node = await startRabbitNode({ dir: resolve(dir), amqpPort: port, installation, signal })
  return {
    amqpUrl: node.amqpUrl,
    managementUrl: node.managementUrl,
    rabbitmqctl: relative(process.cwd(), node.rabbitmqctlPath),
    how: [
      `Started RabbitMQ ${(await node.rabbitmqctl(['version'])).trim()}; its data is in ${dir}.`,
      `Use it in another terminal: AMQP_URL=${node.amqpUrl} MANAGEMENT_URL=${node.managementUrl} npm start`,
    ].join('\n'),
    stop: node.stop,
  }
}
