// notification-service on PostgreSQL: two copies that look for the same due things at once, databases of older versions, and
// the pages of the suppression list.
import { OrderPaid, PaymentConfirmationRequired } from '@orders/shared/contracts'
import { openDatabase } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { openServices } from '../../notification-service/test/running.ts'
import { suppressionsSuite } from '../../notification-service/test/suppressions-suite.ts'
import { upgradeSuite } from '../../notification-service/test/upgrade.ts'
import { testDatabase } from '../support/postgres.ts'

const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T09:00:00.000Z'

it('two copies ask once for each of what is due, and say a summary once', async () => {
  const { url, remove } = testDatabase()
  onTestFinished(remove)
  const env = { DATABASE_URL: url, SUMMARY_TO: 'boss@example.org', SUMMARY_CRON: '0 * * * *' }
  const { post, said, clock, say, hear } = await openServices({ copies: 2, env })
  const many = Array.from({ length: 60 }, (_, index) => ({
    to: { email: `ann${index}@example.org`, phone: '+43 1 234 567' },
    subject: 'Hi',
    body: 'There.',
    sendAt: later,
  }))
  const { body } = await post('/notifications', many, { 'idempotency-key': 'k' })
  const ids: string[] = body.map(({ notification }: { notification: { id: string } }) => notification.id)
  const customer = { user: 'ann', priority: 'standard' as const }
  await say(PaymentConfirmationRequired.of('1', at, { ...customer, totalCents: 1, confirmBefore: later }))
  await hear('1/notification.sent/payment.confirmation_required.email')
  await say(OrderPaid.of('1', at, customer))
  await hear('1/notification.superseded/reminder.1.email')
  clock.now = later
  await hear('summary.2026-11-21T09-00-00.000Z/notification.sent/direct.email')
  const sent = () => said().filter((id) => id.includes('/notification.sent/direct.')).length
  await eventually('all are sent', () => sent() === 2 * ids.length + 1 || undefined)
  const requests = said().filter((id) => /\/notification\.requested\/direct/.test(id) && !id.startsWith('summary'))
  expect(requests.sort()).toEqual(ids.map((id) => `${id}/notification.requested/direct`).sort())
})

const place = async (folder: string) => {
  const { url, remove } = testDatabase()
  return {
    environment: { DATA_DIR: folder, DATABASE_URL: url },
    open: () => openDatabase('notification-service', folder, url),
    remove,
  }
}

upgradeSuite('PostgreSQL', place)

suppressionsSuite('PostgreSQL', () => {
  const { url, remove } = testDatabase()
  onTestFinished(remove)
  return { DATABASE_URL: url }
})
