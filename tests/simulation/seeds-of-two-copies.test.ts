// The same with two processes of each service over its one database.
import { seedsSuite } from './seeds-suite.ts'

seedsSuite({ from: 140, to: 200, copies: 2 })
