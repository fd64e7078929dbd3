// An order of every kind, every service on PostgreSQL.
import { afterAll } from 'vitest'
import { testDatabases } from '../support/postgres.ts'
import { orderSuite } from './order-suite.ts'

const databases = testDatabases()
// Registered first, so run last: when the services have let go of it.
afterAll(databases.remove)

orderSuite({ DATABASE_URL: databases.url })
