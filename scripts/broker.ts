// Runs only the broker, until Ctrl-C: for working with one terminal per service.
import { ensureBroker } from './broker/ensure.ts'
import { aborted, interruption } from './processes/interruption.ts'

const say = (line: string) => console.log(line)
const interrupted = interruption()
try {
  const broker = await ensureBroker({ say, signal: interrupted })
  say(broker.how)
  if (broker.managementUrl) say(`Management UI: ${broker.managementUrl} (guest / guest)`)
  if (broker.rabbitmqctl) say(`Queues: ${broker.rabbitmqctl} list_queues`)
  say('Ctrl-C stops it, if it was started here.')
  await aborted(interrupted)
  await broker.stop()
} catch (error) {
  if (!interrupted.aborted) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
process.exit()
