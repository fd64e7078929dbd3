// A customer is given what is held of them, every service on SQLite.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { exportedSuite } from './exported-suite.ts'

exportedSuite({}, async ({ dataDir }, service, table) => {
  const database = openSqlite(join(dataDir, `${service}-service.db`))
  try {
    return await database.all(`select * from ${table}`)
  } finally {
    await database.close()
  }
})
