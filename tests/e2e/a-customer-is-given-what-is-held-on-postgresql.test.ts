// A customer is given what is held of them, every service on PostgreSQL.
import { afterAll } from 'vitest'
import { query, testDatabases, urlFor } from '../support/postgres.ts'
import { exportedSuite, type Row } from './exported-suite.ts'

const databases = testDatabases()
// Registered first, so run last: when the services have let go of it.
afterAll(databases.remove)

exportedSuite({ DATABASE_URL: databases.url }, (_, service, table) =>
  query<Row>(urlFor(databases.url, service), `select * from ${table}`),
)
