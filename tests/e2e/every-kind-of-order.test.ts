// An order of every kind, each service with its SQLite file.
import { orderSuite } from './order-suite.ts'

orderSuite({})
