// The log over SQLite.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { logSuite } from './log-suite.ts'

logSuite('SQLite', {
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
})
