// The rules of notification-service when copies race and die, and when members of one group meet, over PostgreSQL.
import { openDatabase } from '@orders/shared/storage'
import { onTestFinished } from 'vitest'
import { groupSuite } from '../../notification-service/test/group-suite.ts'
import { type Driver, rulesSuite } from '../../notification-service/test/rules-suite.ts'
import { testDatabase } from '../support/postgres.ts'

const postgres: Driver = {
  async openAgain() {
    const { url, remove } = testDatabase()
    onTestFinished(remove)
    return () => openDatabase('notification-service', '.data', url)
  },
}

rulesSuite('PostgreSQL', postgres)
groupSuite('PostgreSQL', postgres)
