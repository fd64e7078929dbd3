// Every table says whether it holds something of people, so that nothing is left out when somebody is given what is held of them.
import { join } from 'node:path'
import { type Holdings, kernelsHoldings } from '@orders/shared/runtime'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'

it.each(definitions.map((definition) => [definition.name, definition] as const))('%s', async (name, definition) => {
  const folder = await scratchFolder()
  const service = await startInMemory(definition, { environment: { DATA_DIR: folder.path } })
  const database = openSqlite(join(folder.path, `${name}.db`), join(folder.path, `${name}.keys.db`))
  onTestFinished(async () => {
    await service.close()
    await database.close()
    await folder.remove()
  })
  const tablesIn = (schema: string) =>
    database.all<{ name: string }>(
      `select name from ${schema}.sqlite_master where type = 'table' and name not like 'sqlite_%'`,
    )
  const tables = [
    ...(await tablesIn('main')).map((table) => table.name),
    ...(await tablesIn('keys')).map((table) => `keys.${table.name}`),
  ]
  const said: Holdings = { ...kernelsHoldings, ...definition.holdings }
  expect(Object.keys(said).sort()).toEqual(tables.sort())
  const show = async (events: readonly { data?: unknown }[]) => events.map(({ data }) => data)
  const about = { ownerId: 'cus_nobody', names: ['nobody'], subjects: ['nothing'] }
  for (const holding of Object.values(said))
    if (typeof holding !== 'string')
      expect(await holding.list({ sql: database, show }, about, { after: undefined, limit: 10 })).toEqual([])
})
