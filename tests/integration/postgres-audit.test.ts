// The audit log over PostgreSQL: the suite for every database.
import { openDatabase } from '@orders/shared/storage'
import { logSuite } from '../../audit-service/test/log-suite.ts'
import { testDatabase } from '../support/postgres.ts'

logSuite('PostgreSQL', {
  async open() {
    const { url, remove } = testDatabase()
    const again = () => openDatabase('audit-service', '.data', url)
    return { database: await again(), again, remove }
  },
  async unprotect(database) {
    const tables = await database.all<{ name: string }>(
      'select distinct event_object_table as name from information_schema.triggers',
    )
    for (const { name } of tables) await database.run(`alter table ${name} disable trigger user`)
  },
  primaryKeyCode: '23505',
})
