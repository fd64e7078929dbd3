// `npm run backup`: copies every service's SQLite database while the services run.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from '@orders/shared/contracts'
import { CommonConfig, readConfig, VERSION } from '@orders/shared/runtime'
import { backUp } from './backup/back-up.ts'

const USAGE = `npm run backup -- [--to DIR]

Copies the database of every service in DATA_DIR, while they run, into DIR: a new or an empty folder. By default that is
a folder named by the time in DATA_DIR/backups; one on another disk outlives this one.`

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const wanted = folderNamed()
  const { dataDir, databaseUrl } = readConfig(CommonConfig, process.env)
  if (databaseUrl !== undefined)
    throw new Error('DATABASE_URL is set: PostgreSQL has its own pg_dump, see docs/backup-and-repair.md')
  const now = new Date()
  const to = wanted ?? join(dataDir, 'backups', now.toISOString().replaceAll(':', ''))
  let shown = ''
  const progress = (service: string, share: number) => {
    const line = `${service} ${Math.floor(share * 10) * 10} %`
    if (line !== shown) say(line)
    shown = line
  }
  const copied = await backUp({ services: orders.services, dataDir, to, version: VERSION, now, progress })
  say(`${copied.length} databases are in ${to}. npm run restore -- ${to} puts them back.`)
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
