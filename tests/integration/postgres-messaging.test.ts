// Group commit, the outbox, how far a database has come, what is removed from it and handlers that ask for order over PostgreSQL: the
// suites for every database.
import { openDatabase } from '@orders/shared/storage'
import { epochsSuite } from '../../shared/commit/test/epochs-suite.ts'
import { groupCommitSuite } from '../../shared/commit/test/group-commit-suite.ts'
import { outboxSuite } from '../../shared/commit/test/outbox-suite.ts'
import { inOrderSuite } from '../../shared/handling/test/in-order-suite.ts'
import { openKernel } from '../../shared/handling/test/kernel.ts'
import { sweeperSuite } from '../../shared/retention/test/sweeper-suite.ts'
import { testDatabase } from '../support/postgres.ts'

const open = async () => {
  const { url, remove } = testDatabase()
  return { database: await openDatabase('test', '.data', url), again: () => openDatabase('test', '.data', url), remove }
}
const openOnPostgres: typeof openKernel = (options) => openKernel({ open, ...options })

groupCommitSuite('PostgreSQL', {
  openKernel: openOnPostgres,
  runs: 5,
  breaking: { statement: 'select pg_terminate_backend(pg_backend_pid())', error: { code: 'connection_lost' } },
})

outboxSuite('PostgreSQL', { openKernel: openOnPostgres })

epochsSuite('PostgreSQL', { openKernel: openOnPostgres })

sweeperSuite('PostgreSQL', openOnPostgres)

inOrderSuite('PostgreSQL', { openKernel: openOnPostgres })
