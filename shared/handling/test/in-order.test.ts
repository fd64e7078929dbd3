// Handlers that ask for order, over SQLite; over PostgreSQL they are in the integration tests.
import { inOrderSuite } from './in-order-suite.ts'
import { openKernel } from './kernel.ts'

inOrderSuite('SQLite', { openKernel })
