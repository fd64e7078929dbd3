// The pages of the suppression list, over a SQLite file.
import { suppressionsSuite } from '../suppressions-suite.ts'

suppressionsSuite('SQLite', () => ({}))
