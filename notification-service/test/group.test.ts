// Members of one group about the same thing, over a SQLite file.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { onTestFinished } from 'vitest'
import { groupSuite } from './group-suite.ts'

groupSuite('SQLite', {
  async openAgain() {
    const scratch = await scratchFolder()
    onTestFinished(() => scratch.remove())
    return () => openSqlite(join(scratch.path, 'notification.db'))
  },
})
