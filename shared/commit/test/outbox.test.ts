// The outbox over SQLite.
import { openKernel } from '../../handling/test/kernel.ts'
import { outboxSuite } from './outbox-suite.ts'

outboxSuite('SQLite', { openKernel })
