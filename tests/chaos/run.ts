// `npm run chaos -- --seed N --minutes M`: breaks the running system in every way it knows, heals it, and lets an oracle
// judge. Exit code 0 when everything holds, 1 when not, 2 for a wrong option, 130 when interrupted.
import { randomInt } from 'node:crypto'
import { interruption } from '../../scripts/processes/interruption.ts'
import { startTestServers } from '../../scripts/testing/servers.ts'
import { runChaos } from './chaos.ts'
import { notificationLine, runNotifications } from './notifications/run.ts'
import { commandOf, type Options, readOptions, USAGE } from './options.ts'
import { createProgressLine, lineOf } from './progress-line.ts'
import { planFaults } from './schedule.ts'
import { faultLines, isPassed, verdictLines } from './verdict.ts'

const USAGE_ERROR = 2
const INTERRUPTED = 130
const SEEDS = 1_000_000

const say = (line = '') => process.stdout.write(`${line}\n`)
const options = optionsOrUsage()
process.exitCode = !options
  ? USAGE_ERROR
  : options.notifications === undefined
    ? await run(options)
    : await tell(options)
process.exit()

function optionsOrUsage(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2), randomInt(SEEDS))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}\n`)
    return undefined
  }
}

async function run(chosen: Options): Promise<number> {
  const interrupted = interruption()
  say(`Chaos with seed ${chosen.seed}. The same again: ${commandOf(chosen)}`)
  say(`${planFaults(chosen).length} faults in ${chosen.minutes} minutes, ${chosen.rate} orders a second.`)
  say('Starting a private RabbitMQ and building the services …')
  const line = createProgressLine(process.stdout, lineOf)
  try {
    const servers = await startTestServers(say, interrupted)
    try {
      const startedMs = Date.now()
      const { rabbit: node, servicesDir } = servers
      const postgres = chosen.database === 'postgres' ? servers.postgres : undefined
      const told = { signal: interrupted, say, progress: line.show }
      const result = await runChaos({ ...chosen, ...told, node, postgres, servicesDir })
      line.clear()
      if (!result) return INTERRUPTED
      say('\nThe faults, when, where, what, for how long, and what came of it:')
      for (const text of faultLines(result, startedMs)) say(`  ${text}`)
      say(
        `\n${result.accepted} orders, ${result.copies} messages sent again, ${result.drained.replayed} dead letters sent again. The verdict:`,
      )
      for (const text of verdictLines(result)) say(`  ${text}`)
      const passed = isPassed(result)
      say(`\n${passed ? 'Everything holds.' : `NOT everything holds. The same again: ${commandOf(chosen)}`}`)
      return passed ? 0 : 1
    } finally {
      line.clear()
      await servers.stop()
    }
  } catch (error) {
    if (interrupted.aborted) return INTERRUPTED
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}

/** Notifications alone. */
async function tell(chosen: Options): Promise<number> {
  const interrupted = interruption()
  say(`Chaos with seed ${chosen.seed}. The same again: ${commandOf(chosen)}`)
  say('Starting a private RabbitMQ and building the services …')
  const line = createProgressLine(process.stdout, notificationLine)
  try {
    const servers = await startTestServers(say, interrupted)
    try {
      const { rabbit: node, servicesDir } = servers
      const { seed, notifications = 0 } = chosen
      const told = { signal: interrupted, progress: line.show }
      const result = await runNotifications({ ...told, seed, notifications, node, servicesDir })
      line.clear()
      if (!result) return INTERRUPTED
      for (const text of result.summary) say(text)
      say('\nThe verdict:')
      for (const text of verdictLines(result)) say(`  ${text}`)
      const passed = isPassed(result)
      say(`\n${passed ? 'Everything holds.' : `NOT everything holds. The same again: ${commandOf(chosen)}`}`)
      return passed ? 0 : 1
    } finally {
      line.clear()
      await servers.stop()
    }
  } catch (error) {
    if (interrupted.aborted) return INTERRUPTED
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}
