// How far a database has come, over SQLite.
import { openKernel } from '../../handling/test/kernel.ts'
import { epochsSuite } from './epochs-suite.ts'

epochsSuite('SQLite', { openKernel })
