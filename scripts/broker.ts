// Runs only the broker, until Ctrl-C: for working with one terminal per service. `--nodes 3` runs a cluster.
import { parseArgs } from 'node:util'
import { type Broker, ensureBroker } from './broker/ensure.ts'
import { startOwnCluster } from './broker/own-cluster.ts'
import { aborted, interruption } from './processes/interruption.ts'

const say = (line: string) => console.log(line)
const interrupted = interruption()
try {
  const nodes = wantedNodes(process.argv.slice(2))
  const broker =
    nodes === 1 ? await ensureBroker({ say, signal: interrupted }) : await startOwnCluster(nodes, say, interrupted)
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

function wantedNodes(args: string[]): number {
  const usage = 'Usage: npm run broker [-- --nodes 3]'
  try {
    const { nodes = '1' } = parseArgs({ args, options: { nodes: { type: 'string' } } }).values
    if (['1', '3', '5', '7'].includes(nodes)) return Number(nodes)
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${usage}`)
  }
  throw new Error(`--nodes must be 1, 3, 5 or 7: a cluster goes on while most of its nodes run.\n${usage}`)
}

function tell({ how, managementUrl, rabbitmqctl }: Broker): void {
  say(how)
  if (managementUrl) say(`Management UI: ${managementUrl} (guest / guest)`)
  if (rabbitmqctl) say(`Queues: ${rabbitmqctl} list_queues`)
  say('Ctrl-C stops it, if it was started here.')
}
