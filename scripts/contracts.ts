// `npm run contracts`: whether today's contracts break a reader of the last release, or of what waits; and what was released, recorded.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { orders, registry, rpcs, topology } from '@orders/shared/contracts'
import { isAgreed } from './contracts/agreed.ts'
import { type Break, breaksBetween } from './contracts/check.ts'
import { RELEASES, readReleases } from './contracts/released.ts'

const USAGE = `npm run contracts -- check                 checks today's contracts against the releases and their recorded messages
npm run contracts -- check --broker URL    also reads messages that wait in this broker, in queues without a consumer:
                                           each goes back to its queue, and its delivery count rises by one
npm run contracts -- release               records today's contracts, messages and sources for the version in package.json

  --most N   how many messages of each queue to read, 1 to 10000 (default: 100)`

const say = (line = '') => process.stdout.write(`${line}\n`)

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
process.exit()

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { broker: { type: 'string' }, most: { type: 'string', default: '100' } },
  })
  const [command] = positionals
  const most = Number(values.most)
  const isSane = Number.isInteger(most) && most >= 1 && most <= 10_000
  if (positionals.length !== 1 || !isSane || (command !== 'check' && command !== 'release')) {
    say(USAGE)
    return 2
  }
  return command === 'check' ? check(values.broker, most) : release()
}

async function check(broker: string | undefined, most: number): Promise<number> {
  const releases = readReleases()
  const breaks = breaksBetween(releases, { registry, rpcs, heard: orders.heard })
  const agreed = breaks.filter(isAgreed)
  const others = breaks.filter((one) => !isAgreed(one))
  const recorded = releases.reduce((sum, { messages }) => sum + messages.length, 0)
  say(
    `${registry.contracts.size} contracts against ${releases.map(({ version }) => version).join(', ')} and ${recorded} recorded messages`,
  )
  if (agreed.length > 0) say(`${agreed.length} known breaks are accepted in scripts/contracts/agreed.ts`)
  if (broker !== undefined) {
    const { lookAtWaiting } = await import('./contracts/waiting.ts')
    const waiting = await lookAtWaiting(broker, topology, registry, most)
    for (const line of waiting.looked) say(line)
    if (waiting.looked.length === 0) say('no message waits in any queue')
    others.push(...waiting.breaks)
  }
  for (const one of others) say(`\n${sentenceOf(one)}`)
  say(
    others.length === 0
      ? 'no reader breaks'
      : `\n${others.length} breaks: add only optional fields, or publish a new version with an \`earlier\``,
  )
  return others.length === 0 ? 0 : 1
}

function sentenceOf({ reader, queue, contract, field, why }: Break): string {
  return `${reader} breaks in ${queue} at ${contract}\n  ${field === '' ? 'it' : field} ${why}`
}

async function release(): Promise<number> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  const { record } = await import('./contracts/record.ts')
  say(`recording ${version}: contracts, questions, messages of a simulated run, and the committed sources …`)
  say(`recorded in ${await record(version, RELEASES)}; commit it with the release`)
  return 0
}
