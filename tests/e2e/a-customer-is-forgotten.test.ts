// A customer is forgotten, every service on SQLite.
import { forgottenSuite } from './forgotten-suite.ts'

forgottenSuite({})
