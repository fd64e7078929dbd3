// `npm run restore`: puts back what `npm run backup` has copied.
import { parseArgs } from 'node:util'
import { orders } from '@orders/shared/contracts'
import { CommonConfig, readConfig } from '@orders/shared/runtime'
import { putBack } from './backup/put-back.ts'
import { serviceNamed } from './services/named.ts'

const USAGE = `npm run restore -- DIR [--service SERVICE] [--force]

Puts the databases in DIR, or only that of SERVICE, back into DATA_DIR. The services must not run. The command renames
the existing databases and never deletes them. --force: also replaces a database that is newer than its backup.`

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { service: { type: 'string' }, force: { type: 'boolean', default: false } },
  })
  const [from, ...more] = positionals
  if (from === undefined || more.length > 0) throw new Error(`DIR is missing\n\n${USAGE}`)
  const service = values.service === undefined ? undefined : serviceNamed(values.service, orders.services)
  const { dataDir, databaseUrl } = readConfig(CommonConfig, process.env)
  if (databaseUrl !== undefined)
    throw new Error('DATABASE_URL is set: use pg_restore of PostgreSQL, see docs/backup-and-repair.md')
  for (const { service: name, movedTo } of await putBack({
    from,
    dataDir,
    service,
    force: values.force,
    now: new Date(),
  }))
    say(`${name} is restored${movedTo === undefined ? '' : `; the database before it is now ${movedTo}`}`)
  say('Start the services. If one stops with database_behind, heal it: docs/backup-and-repair.md.')
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
