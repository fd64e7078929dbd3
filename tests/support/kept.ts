// Everything that the six services, the payment provider and the mail folder keep, as one value that can be compared.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { System } from './system.ts'

/** Each table's rows as JSON, and each mail with its bytes and the moment it was written. */
export async function everythingKept({ dataDir }: System): Promise<Record<string, string[]>> {
  const kept: Record<string, string[]> = { mail: await mailsIn(join(dataDir, 'mail')) }
  for (const file of await databasesIn(dataDir)) {
    const database = new Sqlite(join(dataDir, file), { readonly: true })
    for (const table of tablesOf(database))
      kept[`${file} ${table}`] = database
        .prepare(`select * from ${table}`)
        .all()
        .map((row) => JSON.stringify(row))
        .sort()
    database.close()
  }
  return kept
}

/** How many messages the services have recorded and the broker has not confirmed, or which are not forgotten yet. */
export async function recordedMessages({ dataDir }: System): Promise<number> {
  let count = 0
  for (const file of await databasesIn(dataDir)) {
    const database = new Sqlite(join(dataDir, file), { readonly: true })
    const isService = database.prepare(`select 1 from sqlite_master where name = 'outbox'`).get() !== undefined
    if (isService) count += Number(database.prepare('select count(*) from outbox').pluck().get())
    database.close()
  }
  return count
}

async function databasesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.db')).sort()
}

/** The outbox comes and goes; what it said is in the audit log. */
function tablesOf(database: Sqlite.Database): string[] {
  const names = database.prepare(`select name from sqlite_master where type = 'table'`).pluck().all() as string[]
  return names.filter((name) => name !== 'outbox' && !name.startsWith('sqlite_')).sort()
}

async function mailsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).sort()
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs } = await stat(join(folder, name))
      return `${name} ${mtimeMs} ${await readFile(join(folder, name), 'utf8')}`
    }),
  )
}
