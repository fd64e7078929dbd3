// Personal data over PostgreSQL, whose keys are in a schema of their own.
import { openDatabase } from '@orders/shared/storage'
import { personalSuite } from '../../shared/handling/test/personal-suite.ts'
import { testDatabase } from '../support/postgres.ts'

personalSuite('PostgreSQL', {
  async open() {
    const { url, remove } = testDatabase()
    const again = () => openDatabase('test', '.data', url)
    return { database: await again(), again, remove }
  },
})
