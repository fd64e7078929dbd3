// Personal data over SQLite; over PostgreSQL it is in the integration tests.
import { inFiles } from './personal-service.ts'
import { personalSuite } from './personal-suite.ts'

personalSuite('SQLite', { open: inFiles })
