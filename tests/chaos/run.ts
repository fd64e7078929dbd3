// `npm run chaos -- --seed N --minutes M`: breaks the running system in every way it knows, heals it, and lets an oracle
// judge. Exit code 0 when everything holds, 1 when not, 2 for a wrong option, 130 when interrupted.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { interruption } from '../../scripts/processes/interruption.ts'
import { startTestServers, type TestServers } from '../../scripts/testing/servers.ts'
import { runChaos } from './chaos.ts'
import { notificationLine, runNotifications } from './notifications/run.ts'
import { commandOf, type Options, readOptions, USAGE } from './options.ts'
import { createProgressLine, lineOf } from './progress-line.ts'
import { planFaults } from './schedule.ts'
import { faultLines, isPassed, verdictLines } from './verdict.ts'

const USAGE_ERROR = 2
const INTERRUPTED = 130
const SEEDS = 1_000_000

const keptIn = ({ seed }: Options) => join('.data', `chaos-${seed}`)
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

/** A run among servers of its own, its verdict, and how it came to it. */
interface Verdict {
  lines: string[]
  passed: boolean
}

/** Gives the exit code; an interrupted judgement gives no verdict. */
async function among(
  chosen: Options,
  judge: (servers: TestServers, signal: AbortSignal) => Promise<Verdict | undefined>,
): Promise<number> {
  const interrupted = interruption()
  say('Starting a private RabbitMQ and building the services …')
  try {
    const servers = await startTestServers(say, interrupted, { onDisk: true })
    try {
      const verdict = await judge(servers, interrupted)
      if (!verdict) return INTERRUPTED
      for (const text of verdict.lines) say(`  ${text}`)
      if (verdict.passed) say('\nAll checks passed.')
      else say(`\nA check FAILED. Logs and data are in ${keptIn(chosen)}. To repeat the run: ${commandOf(chosen)}`)
      return verdict.passed ? 0 : 1
    } finally {
      await servers.stop()
    }
  } catch (error) {
    if (interrupted.aborted) return INTERRUPTED
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}

function run(chosen: Options): Promise<number> {
  say(`Chaos with seed ${chosen.seed}. To repeat the run: ${commandOf(chosen)}`)
  say(`${planFaults(chosen).length} faults in ${chosen.minutes} minutes, ${chosen.rate} orders per second.`)
  return among(chosen, async (servers, signal) => {
    const line = createProgressLine(process.stdout, lineOf)
    const startedMs = Date.now()
    const { rabbit: node, servicesDir } = servers
    const postgres = chosen.database === 'postgres' ? servers.postgres : undefined
    const told = { signal, say, progress: line.show, keepIn: keptIn(chosen) }
    const result = await runChaos({ ...chosen, ...told, node, postgres, servicesDir }).finally(line.clear)
    if (!result) return undefined
    say('\nThe faults: time, place, fault, duration, result:')
    for (const text of faultLines(result, startedMs)) say(`  ${text}`)
    say(
      `\n${result.accepted} orders, ${result.copies} duplicated messages, ${result.drained.sentAgain.length} dead letters sent again. The verdict:`,
    )
    return { lines: verdictLines(result), passed: isPassed(result) }
  })
}

/** Notifications alone. */
function tell(chosen: Options): Promise<number> {
  say(`Chaos with seed ${chosen.seed}. To repeat the run: ${commandOf(chosen)}`)
  return among(chosen, async ({ rabbit: node, servicesDir }, signal) => {
    const line = createProgressLine(process.stdout, notificationLine)
    const { seed, notifications = 0 } = chosen
    const told = { signal, progress: line.show, keepIn: keptIn(chosen) }
    const result = await runNotifications({ ...told, seed, notifications, node, servicesDir }).finally(line.clear)
    if (!result) return undefined
    for (const text of result.summary) say(text)
    say('\nThe verdict:')
    return { lines: verdictLines(result), passed: isPassed(result) }
  })
}
