// The audit log and its tree over PostgreSQL: the suites for every database.
import { openDatabase } from '@orders/shared/storage'
import { archiveSuite } from '../../audit-service/test/archive-suite.ts'
import { type Driver, logSuite } from '../../audit-service/test/log-suite.ts'
import { operationsSuite } from '../../audit-service/test/operations-suite.ts'
import { overdueSuite } from '../../audit-service/test/overdue-suite.ts'
import { proofSuite } from '../../audit-service/test/proof-suite.ts'
import { testDatabase } from '../support/postgres.ts'

const driver: Driver = {
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
}

overdueSuite('PostgreSQL: what orders wait for', driver.open)
operationsSuite('PostgreSQL', driver.open)
logSuite('PostgreSQL', driver)
proofSuite('PostgreSQL', driver)
archiveSuite('PostgreSQL', driver)
