// Failed messages over PostgreSQL: the suite for every database.
import { openDatabase } from '@orders/shared/storage'
import { failedSuite } from '../../audit-service/test/failed-suite.ts'
import { testDatabase } from '../support/postgres.ts'

failedSuite('PostgreSQL', async () => {
  const { url, remove } = testDatabase()
  const again = () => openDatabase('audit-service', '.data', url)
  return { database: await again(), again, remove }
})
