// `npm run backup`: copies every service's SQLite database while the services run.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from '@orders/shared/contracts'
import { CommonConfig, readConfig, VERSION } from '@orders/shared/runtime'
import { backUp } from './backup/back-up.ts'

const USAGE = `npm run backup -- [--to DIR]

Copies the SQLite databases of all services from DATA_DIR into DIR, a new or empty folder, while the services run. The
default is a folder in DATA_DIR/backups, named by the time. Use a DIR on another disk to survive the loss of this one.`

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const wanted = folderNamed()
  const { dataDir, databaseUrl } = readConfig(CommonConfig, process.env)
  if (databaseUrl !== undefined)
    throw new Error('DATABASE_URL is set: use pg_dump of PostgreSQL, see docs/backup-and-repair.md')
  const now = new Date()
  const to = wanted ?? join(dataDir, 'backups', now.toISOString().replaceAll(':', ''))
  let shown = ''
  const progress = (service: string, share: number) => {
    const line = `${service} ${Math.floor(share * 10) * 10} %`
    if (line !== shown) say(line)
    shown = line
  }
  const copied = await backUp({ services: orders.services, dataDir, to, version: VERSION, now, progress })
  say(`${copied.length} databases are in ${to}. To restore them: npm run restore -- ${to}`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

/** @throws Error with how it is meant */
function folderNamed(): string | undefined {
  try {
    return parseArgs({ options: { to: { type: 'string' } } }).values.to
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}
