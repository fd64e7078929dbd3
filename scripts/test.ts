// npm test: everything that works, over a private broker; `npm test -- tests/e2e` runs only that. npm run test:postgres: that the same
// works on PostgreSQL. npm run test:simulation: many runs in virtual time. npm run test:model: what takes a model checker. Neither takes
// a broker. npm run test:faults: what breaks, kills and cuts. npm run test:cluster: what takes a broker of three nodes. npm run
// test:proof: what takes Go. npm run test:browser: what people see.
import { interruption } from './processes/interruption.ts'
import { startTestServers, type TestServers } from './testing/servers.ts'
import { runVitest } from './testing/steps.ts'
import type { Tally } from './testing/tally-reporter.ts'

const say = (line: string) => console.log(line)
const interrupted = interruption()
const chosen = process.argv.slice(2)
const withBrowser = chosen.some((argument) => argument === 'browser' || argument.startsWith('tests/browser'))
/** A simulation brings what it needs, and a model needs nothing. */
const WITHOUT_SERVERS = ['simulation', 'model']
const ALL_THAT_WORKS = ['unit', 'broker'].flatMap((name) => ['--project', name])

let tally: Tally = { passed: 0, failed: 0, skipped: 0 }
process.exitCode = await run().catch((error: unknown) => {
  if (!interrupted.aborted) console.error(error instanceof Error ? error.message : error)
  return 1
})
// The last line of all, in a form that people and build servers read.
say(`${tally.passed} passed, ${tally.failed} failed${tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''}`)
process.exit()

async function run(): Promise<number> {
  if (chosen.some((name) => WITHOUT_SERVERS.includes(name))) return runTests({})
  say('Starting a private RabbitMQ and PostgreSQL for the tests …')
  const servers = await startTestServers(say, interrupted, { withBrowser })
  try {
    return await runTests(servers.environment)
  } finally {
    await stopServers(servers)
  }
}

async function runTests(environment: NodeJS.ProcessEnv): Promise<number> {
  const vitest = await runVitest(chosen.length > 0 ? chosen : ALL_THAT_WORKS, environment, interrupted)
  tally = vitest.tally ?? tally
  const ranAny = tally.passed + tally.failed > 0
  if (!ranAny && !interrupted.aborted) say('No test ran.')
  return vitest.passed && tally.failed === 0 && ranAny ? 0 : 1
}

async function stopServers(servers: TestServers): Promise<void> {
  if (interrupted.aborted) say('Stopping …')
  await servers.stop()
}
