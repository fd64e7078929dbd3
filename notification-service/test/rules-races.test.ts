// The rules when copies race and die, over a SQLite file.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { onTestFinished } from 'vitest'
import { rulesSuite } from './rules-suite.ts'

rulesSuite('SQLite', {
  async openAgain() {
    const scratch = await scratchFolder()
    onTestFinished(() => scratch.remove())
    return () => openSqlite(join(scratch.path, 'notification.db'))
  },
})
