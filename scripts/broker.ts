// Runs only the broker, until Ctrl-C: for working with one terminal per service. `--nodes 3` runs a cluster, `--port 5700` a node
// of its own on that port.
import { parseArgs } from 'node:util'
import { type Broker, ensureBroker } from './broker/ensure.ts'
import { startOnPort } from './broker/on-port.ts'
import { startOwnCluster } from './broker/own-cluster.ts'
import { aborted, interruption } from './processes/interruption.ts'

const say = (line: string) => console.log(line)
const interrupted = interruption()
const PORT_MAX = 65_535
try {
  const broker = await startWanted(process.argv.slice(2))
  tell(broker)
  await aborted(interrupted)
  await broker.stop()
} catch (error) {
  if (!interrupted.aborted) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
process.exit()

function startWanted(args: string[]): Promise<Broker> {
  const { nodes, port } = wanted(args)
  if (nodes > 1) return startOwnCluster(nodes, say, interrupted)
  return port === undefined ? ensureBroker({ say, signal: interrupted }) : startOnPort(port, say, interrupted)
}

function wanted(args: string[]): { nodes: number; port: number | undefined } {
  const usage = 'Usage: npm run broker [-- --nodes 3 | -- --port 5700]'
  const { nodes, port } = parsed(args, usage)
  if (nodes !== undefined && port !== undefined) throw new Error(`--nodes and --port exclude each other.\n${usage}`)
  if (nodes !== undefined && !['1', '3', '5', '7'].includes(nodes))
    throw new Error(`--nodes must be 1, 3, 5 or 7: a cluster works while a majority of its nodes runs.\n${usage}`)
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= PORT_MAX))
    throw new Error(`--port must be a number from 1 to ${PORT_MAX}.\n${usage}`)
  return { nodes: Number(nodes ?? 1), port: port === undefined ? undefined : Number(port) }
}

function parsed(args: string[], usage: string): { nodes?: string; port?: string } {
  try {
    return parseArgs({ args, options: { nodes: { type: 'string' }, port: { type: 'string' } } }).values
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${usage}`)
  }
}

function tell({ how, managementUrl, rabbitmqctl }: Broker): void {
  say(how)
  if (managementUrl) say(`Management UI: ${managementUrl} (guest / guest)`)
  if (rabbitmqctl) say(`Queues: ${rabbitmqctl} list_queues`)
  say('Ctrl-C stops the broker if this command started it.')
}
