// The outbox over SQLite.
import { openKernel } from './kernel.ts'
import { outboxSuite } from './outbox-suite.ts'

outboxSuite('SQLite', { openKernel })
