// Group commit over SQLite.

import { openKernel } from '../../handling/test/kernel.ts'
import { groupCommitSuite } from './group-commit-suite.ts'

groupCommitSuite('SQLite', {
  openKernel,
  runs: 40,
  // SQLite itself rolls the whole transaction back, as it does for a full disk.
  breaking: {
    statement: `insert or rollback into effects (id, note) values ('x', 'once'), ('x', 'again')`,
    error: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' },
  },
})
