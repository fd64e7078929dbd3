// npm run fuzz -- --seed N --count M: generated input for every HTTP route and every queue, as npm test does it, but more of it.
import { interruption } from './processes/interruption.ts'
import { optionsOr } from './processes/options.ts'
import { startTestServers } from './testing/servers.ts'
import { runVitest } from './testing/steps.ts'

const interrupted = interruption()
const USAGE = `npm run fuzz -- [--seed N] [--count M]

  --seed   0 to 999999999; the same seed is the same input (default: another one each time, which is shown)
  --count  requests for each route and messages for each queue, 1 to 999999 (default: 200)`
const values = optionsOr(
  USAGE,
  { options: { seed: { type: 'string' }, count: { type: 'string', default: '200' } } },
  ({ seed = '0', count }) =>
    /^\d{1,9}$/.test(seed) && /^[1-9]\d{0,5}$/.test(count) ? undefined : 'both are whole numbers',
)
const seed = values.seed ?? String(Date.now() % 1_000_000_000)

const servers = await startTestServers(console.log, interrupted)
try {
  const environment = { ...servers.environment, FUZZ_SEED: String(seed), FUZZ_COUNT: String(values.count) }
  const { passed } = await runVitest(['tests/fuzz'], environment, interrupted)
  console.log(
    `seed ${seed}, ${values.count} of each: ${passed ? 'nothing found' : 'see above; the same seed finds it again'}`,
  )
  process.exitCode = passed ? 0 : 1
} finally {
  await servers.stop()
}
process.exit()
