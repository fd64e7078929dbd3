// `npm run topology -- prune`: removes bindings and queues that no running copy names any more, after saying which.
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { clusterTopology, topology } from '@orders/shared/contracts'
import { brokerUrls } from '@orders/shared/messaging'
import { CommonConfig, readConfig } from '@orders/shared/runtime'
import { type Management, managementOf } from './topology/management.ts'
import { type Plan, planPrune } from './topology/prune.ts'

const USAGE = `npm run topology -- prune          lists the bindings, queues and exchanges that no running copy declares any more, asks,
                                   and removes them
npm run topology -- prune --yes    removes them without asking
npm run topology -- prune --dry    only lists them

AMQP_URL is the broker, MANAGEMENT_URL its management API (default: port 15672 of the same host).`

const say = (line = '') => process.stdout.write(`${line}\n`)

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false }, dry: { type: 'boolean', default: false } },
  })
  if (positionals.join() !== 'prune') {
    say(USAGE)
    return 1
  }
  const config = readConfig(CommonConfig, process.env)
  const [url = ''] = brokerUrls(config.amqpUrl)
  const isCluster = config.brokerCluster ?? brokerUrls(config.amqpUrl).length > 1
  const management = managementOf(url, process.env.MANAGEMENT_URL)
  const plan = planPrune(await management.look(), isCluster ? clusterTopology : topology)
  for (const line of plan.stays) say(line)
  const lines = linesOf(plan)
  if (lines.length === 0) {
    say('Nothing to remove.')
    return plan.stays.length === 0 ? 0 : 1
  }
  say('No running copy declares these any more:')
  for (const line of lines) say(`  ${line}`)
  if (values.dry || !(values.yes || (await isAgreed()))) return 0
  await remove(management, plan)
  say(`Removed ${lines.length}.`)
  return 0
}

function linesOf({ bindings, queues, exchanges }: Plan): string[] {
  return [
    ...bindings.map(({ source, destination, routing_key: key }) => `binding ${key} of ${destination} on ${source}`),
    ...queues.map((name) => `queue ${name}`),
    ...exchanges.map((name) => `exchange ${name}`),
  ]
}

/** The exchange before the queues that it feeds. */
async function remove(management: Management, { bindings, queues, exchanges }: Plan): Promise<void> {
  for (const binding of bindings) await management.removeBinding(binding)
  for (const name of exchanges) await management.removeExchange(name)
  for (const name of queues) await management.removeQueue(name)
}

async function isAgreed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    say('Nothing was removed. To remove without a question, add --yes.')
    return false
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await asking.question('Remove them? (yes/no) ')
  asking.close()
  return answer.trim().toLowerCase() === 'yes'
}
