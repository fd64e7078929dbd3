// Claims of calls to providers over PostgreSQL: the suite for every database.
import { openDatabase } from '@orders/shared/storage'
import { claimsSuite } from '../../notification-service/test/claims-suite.ts'
import { testDatabase } from '../support/postgres.ts'

claimsSuite('PostgreSQL', async (folder) => {
  const { url, remove } = testDatabase()
  return {
    environment: { DATA_DIR: folder, DATABASE_URL: url },
    open: () => openDatabase('test', '.data', url),
    remove,
  }
})
