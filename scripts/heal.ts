// `npm run heal`: rebuilds the database of one service from the audit.
import { parseArgs } from 'node:util'
import { orders } from '@orders/shared/contracts'
import { createLog, errorCode, heal, openServiceBroker, readConfig } from '@orders/shared/runtime'
import { isInUse } from '@orders/shared/storage'
import { definitions } from './services/definitions.ts'
import { serviceNamed } from './services/named.ts'

const USAGE = `npm run heal -- --service SERVICE

Rebuilds the database of SERVICE from the audit log. audit-service must run; SERVICE must not. The command keeps the
data that the database already has, so restore the newest backup first, if there is one. If interrupted, run it again.`

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  await main()
} catch (error) {
  const why = error instanceof Error ? error.message : String(error)
  const isUnanswered = error instanceof Error && ['no_answer_in_time', 'broker_unavailable'].includes(errorCode(error))
  process.stderr.write(
    `${why}${isUnanswered ? '\nDoes audit-service run? This command reads the events from it.' : ''}\n`,
  )
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { service: { type: 'string' } } })
  if (values.service === undefined) throw new Error(`--service is missing\n\n${USAGE}`)
  const name = serviceNamed(values.service, orders.services)
  const definition = definitions.find((one) => one.name === name)
  if (!definition) throw new Error(USAGE)
  // The cast says what the type system cannot: every service's schema is `configWith` the common settings.
  if (!definition.recall)
    throw new Error(
      `${name} cannot be rebuilt from the audit log: restore a backup of its database, see docs/backup-and-repair.md`,
    )
  const config = readConfig(definition.config, process.env) as Parameters<typeof heal>[1]
  if (await isInUse(name, config.dataDir, config.databaseUrl))
    throw new Error(`${name} runs, or another program has its database open: stop it first`)
  const log = await createLog({ service: name, level: 'warn', pretty: process.stdout.isTTY === true })
  const broker = openServiceBroker(definition, config, log)
  try {
    await broker.ready()
    let shown = 0
    const progress = ({ pass, passes, events }: { pass: number; passes: number; events: number }) => {
      if (events - shown < 10_000 && shown <= events) return
      shown = events
      say(`pass ${pass} of ${passes}: ${events} events`)
    }
    await heal(definition, config, { broker, log, now: () => new Date(), progress })
    say(`${name} is rebuilt. Start it: it publishes what it had not published, and continues its open work.`)
  } finally {
    await broker.close(1_000)
  }
}
