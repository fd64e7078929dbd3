// `npm run backup`: copies every service's SQLite database while the services run.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from '@orders/shared/contracts'
import { CommonConfig, readConfig, VERSION } from '@orders/shared/runtime'
import { backUp } from './backup/back-up.ts'

const USAGE = `npm run backup -- [--keys] [--to DIR]

Copies the SQLite databases of all services from DATA_DIR into DIR, a new or empty folder, while the services run. The
default is a folder in DATA_DIR/backups, named by the time. Use a DIR on another disk to survive the loss of this one.
--keys: copies the keys of customers instead. Keep them apart from the data, and for a shorter time.`

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const { to: wanted, keys } = optionsGiven()
  const { dataDir, databaseUrl } = readConfig(CommonConfig, process.env)
  if (databaseUrl !== undefined)
    throw new Error('DATABASE_URL is set: use pg_dump of PostgreSQL, see docs/backup-and-repair.md')
  const now = new Date()
  const what = keys ? 'keys' : 'data'
  const to = wanted ?? join(dataDir, keys ? 'backups-of-keys' : 'backups', now.toISOString().replaceAll(':', ''))
  let shown = ''
  const progress = (service: string, share: number) => {
    const line = `${service} ${Math.floor(share * 10) * 10} %`
    if (line !== shown) say(line)
    shown = line
  }
  const copied = await backUp({ what, services: orders.services, dataDir, to, version: VERSION, now, progress })
  say(
    `${copied.length} ${keys ? 'files of keys' : 'databases'} are in ${to}. To restore them: npm run restore -- ${to}`,
  )
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

/** @throws Error with how it is meant */
function optionsGiven(): { to?: string | undefined; keys: boolean } {
  try {
    return parseArgs({ options: { to: { type: 'string' }, keys: { type: 'boolean', default: false } } }).values
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}
