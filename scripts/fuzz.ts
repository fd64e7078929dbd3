// npm run fuzz -- --seed N --count M: generated input for every HTTP route and every queue, as npm test does it, but more of it.
import { parseArgs } from 'node:util'
import { interruption } from './processes/interruption.ts'
import { startTestServers } from './testing/servers.ts'
import { runVitest } from './testing/steps.ts'

const interrupted = interruption()
const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string', default: '200' } } })
const seed = values.seed ?? String(Date.now() % 1_000_000_000)
if (!/^\d{1,9}$/.test(seed) || !/^[1-9]\d{0,5}$/.test(values.count)) {
  console.error('npm run fuzz -- --seed N --count M: both are whole numbers; M counts for each route and each queue')
  process.exit(2)
}

const servers = await startTestServers(console.log, interrupted)
try {
  const environment = { ...servers.environment, FUZZ_SEED: seed, FUZZ_COUNT: values.count }
  const { passed } = await runVitest(['tests/fuzz'], environment, interrupted)
  console.log(
    `seed ${seed}, ${values.count} of each: ${passed ? 'nothing found' : 'see above; the same seed finds it again'}`,
  )
  process.exitCode = passed ? 0 : 1
} finally {
  await servers.stop()
}
process.exit()
