// The rules of notification-service when copies race and die, over PostgreSQL.
import { openDatabase } from '@orders/shared/storage'
import { onTestFinished } from 'vitest'
import { rulesSuite } from '../../notification-service/test/rules-suite.ts'
import { testDatabase } from '../support/postgres.ts'

rulesSuite('PostgreSQL', {
  async openAgain() {
    const { url, remove } = testDatabase()
    onTestFinished(remove)
    return () => openDatabase('notification-service', '.data', url)
  },
})
