// The log and its tree over SQLite.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { archiveSuite } from './archive-suite.ts'
import { type Driver, logSuite } from './log-suite.ts'
import { overdueSuite } from './overdue-suite.ts'
import { proofSuite } from './proof-suite.ts'

const driver: Driver = {
  async open() {
    const folder = await scratchFolder()
    const path = join(folder.path, 'audit.db')
    return { database: openSqlite(path), again: () => openSqlite(path), remove: folder.remove }
  },
  async unprotect(database) {
    for (const { name } of await database.all<{ name: string }>(
      `select name from sqlite_master where type = 'trigger'`,
    ))
      await database.run(`drop trigger ${name}`)
  },
  primaryKeyCode: 'SQLITE_CONSTRAINT_PRIMARYKEY',
}

overdueSuite('SQLite: what orders wait for', driver.open)
logSuite('SQLite', driver)
proofSuite('SQLite', driver)
archiveSuite('SQLite', driver)
