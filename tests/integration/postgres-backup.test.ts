// The recipe that docs/backup-and-repair.md gives for PostgreSQL, as it stands there.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { insert, migrate, openDatabase } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { requirePostgres } from '../../scripts/postgres/install.ts'
import { query, testDatabase } from '../support/postgres.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'backup-and-repair.md'), 'utf8')
/** The commands of the page's blocks. */
const commands = [...page.matchAll(/^(pg_dump|psql|pg_restore) .+$/gm)].map(([command]) => command)
const at = '2026-11-30T08:00:00.000Z'

it('puts a dumped database back, and the one that was there aside', async () => {
  const { url, remove } = testDatabase()
  const aside = testDatabase()
  const folder = await scratchFolder()
  onTestFinished(async () => {
    await remove()
    await aside.remove()
    await folder.remove()
  })
  const [server = '', name = ''] = splitUrl(url)
  const [, nameAside = ''] = splitUrl(aside.url)
  const bin = await requirePostgres(() => undefined)
  const run = (command: string) =>
    promisify(execFile)('sh', ['-c', named(command, name, nameAside)], {
      cwd: folder.path,
      env: { ...process.env, SERVER: server, PATH: `${bin}${delimiter}${process.env.PATH}` },
    })
  const opened = async () => {
    const database = await openDatabase('payment-service', '.data', url)
    await migrate(
      database,
      ['shared/storage', 'payment-service'].map((part) => join(root, part, 'migrations')),
    )
    return database
  }
  const columns = 'payments (order_id, status, version, created_at, updated_at)'
  const orders = async (from: string) =>
    (await query<{ order_id: string }>(from, 'select order_id from payments order by 1')).map((row) => row.order_id)
  const keys = async (from: string) =>
    (await query<{ key_id: string }>(from, 'select key_id from keys.personal_keys')).map((row) => row.key_id)

  const database = await opened()
  await insert(database, columns, [['before', 'failed', 1, at, at]])
  await database.run('create schema keys')
  await database.run("create table keys.personal_keys as select 'key' as key_id")
  const [dump = '', dumpKeys = '', rename = '', ...putBack] = commands
  await run(dump)
  await run(dumpKeys)
  expect((await run('pg_restore --list payment-service.dump')).stdout).not.toContain('personal_keys')
  await insert(database, columns, [['since', 'failed', 1, at, at]])
  await expect(run(rename)).rejects.toThrow(/being accessed by other users/)
  await database.close()
  for (const command of [rename, ...putBack]) await run(command)

  expect(await orders(url)).toEqual(['before'])
  expect(await keys(url)).toEqual(['key'])
  expect(await orders(aside.url)).toEqual(['before', 'since'])
  await (await opened()).close()
})

function splitUrl(url: string): string[] {
  const slash = url.lastIndexOf('/')
  return [url.slice(0, slash), url.slice(slash + 1)]
}

const named = (command: string, name: string, nameAside: string) =>
  command.replaceAll('payment-service-before', nameAside).replaceAll('payment-service', name)
