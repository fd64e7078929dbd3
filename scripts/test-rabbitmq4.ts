// npm run test:rabbitmq4: the suites that need a broker, against RabbitMQ 4; `-- tests/e2e` or `-- --project cluster` runs
// only that.
import { fetchRabbit4 } from './broker/rabbitmq4.ts'
import { interruption } from './processes/interruption.ts'

try {
  const { bin } = await fetchRabbit4(console.log, interruption())
  // Read by whoever starts a node: the tests' common one, and those that tests stop and kill.
  process.env.RABBITMQ_BIN = bin
  const isChosen = process.argv.some((argument) => argument.startsWith('--project'))
  if (!isChosen)
    process.argv.splice(2, 0, ...['broker', 'postgres', 'faults', 'cluster'].flatMap((name) => ['--project', name]))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
await import('./test.ts')
