// npm test: everything that one broker can show, a private one; `npm test -- tests/e2e` runs only that. npm run test:cluster:
// what takes a broker of three nodes.
import { interruption } from './processes/interruption.ts'
import { startTestServers, type TestServers } from './testing/servers.ts'
import { runVitest } from './testing/steps.ts'
import type { Tally } from './testing/tally-reporter.ts'

const say = (line: string) => console.log(line)
const interrupted = interruption()
const chosen = process.argv.slice(2)
const ALL_BUT_THE_CLUSTER = ['--project', '!cluster']

let tally: Tally = { passed: 0, failed: 0, skipped: 0 }
process.exitCode = await run().catch((error: unknown) => {
  if (!interrupted.aborted) console.error(error instanceof Error ? error.message : error)
  return 1
})
// The last line of all, in a form that people and build servers read.
say(`${tally.passed} passed, ${tally.failed} failed${tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''}`)
process.exit()

async function run(): Promise<number> {
  say('Starting a private RabbitMQ and PostgreSQL for the tests …')
  const servers = await startTestServers(say, interrupted)
  try {
    const vitest = await runVitest(chosen.length > 0 ? chosen : ALL_BUT_THE_CLUSTER, servers.environment, interrupted)
    tally = vitest.tally ?? tally
    const ranAny = tally.passed + tally.failed > 0
    if (!ranAny && !interrupted.aborted) say('No test ran.')
    return vitest.passed && tally.failed === 0 && ranAny ? 0 : 1
  } finally {
    await stopServers(servers)
  }
}

async function stopServers(servers: TestServers): Promise<void> {
  if (interrupted.aborted) say('Stopping …')
  await servers.stop()
}
