// A customer is forgotten, every service on PostgreSQL.
import { afterAll } from 'vitest'
import { query, testDatabases, urlFor } from '../support/postgres.ts'
import { serviceNames } from '../support/system.ts'
import { forgottenSuite } from './forgotten-suite.ts'

const databases = testDatabases()
// Registered first, so run last: when the services have let go of it.
afterAll(databases.remove)

/** Every row of every table, as text, by its service and table. */
async function rows(): Promise<Map<string, Buffer>> {
  const all = new Map<string, Buffer>()
  for (const service of serviceNames) {
    const url = urlFor(databases.url, service)
    const tables = await query<{ name: string }>(
      url,
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'keys')`,
    )
    for (const { name } of tables) {
      const found = await query<{ row: string }>(url, `select t::text as row from ${name} t`)
      all.set(`${service}-service ${name}`, Buffer.from(found.map(({ row }) => row).join('\n')))
    }
  }
  return all
}

forgottenSuite({ DATABASE_URL: databases.url }, rows)
