// In whose language and on whose clock the news of an order is said.
import { PaymentConfirmationRequired } from '@orders/shared/contracts'
import { expect, it } from 'vitest'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const asked = { priority: 'standard' as const, totalCents: 1_050, confirmBefore: '2026-11-21T18:30:00.000Z' }

it('is the customer’s own, then the service’s; and the order’s currency goes before the service’s', async () => {
  const env = { TIME_ZONE: 'America/New_York', CURRENCY: 'EUR', REMINDERS_AFTER_MS: '60000' }
  const { put, say, hear, get, clock } = await openServices({ env, at })
  const contact = { email: 'a@example.org' }
  await put('/customers/vienna', { addresses: contact, locale: 'de-AT', timeZone: 'Europe/Vienna' })
  await put('/customers/moved', { addresses: contact, locale: 'en-GB', timeZone: 'Europe/Vienna' })
  await put('/customers/moved/preferences', { timeZone: 'Europe/London' })
  await say(PaymentConfirmationRequired.of('1', at, { ...asked, user: 'vienna', currency: 'JPY' }))
  await say(PaymentConfirmationRequired.of('2', at, { ...asked, user: 'moved' }))
  await say(
    PaymentConfirmationRequired.of('3', at, { ...asked, user: 'unknown', contact: { ...contact, locale: 'en' } }),
  )
  const textOf = async (id: string, order: string) => {
    await hear(`${order}/notification.sent/${id}.email`)
    return (await get(`/notifications/${order}.${id}`)).body.text.replace(/\s/g, ' ')
  }
  const first = await textOf('payment.confirmation_required', '1')
  expect(first).toContain('bis 21. November 2026 um 19:30 MEZ')
  expect(first).toMatch(/1\.050/)
  expect(first).not.toContain('10,50')
  const second = await textOf('payment.confirmation_required', '2')
  expect(second).toContain('by 21 November 2026 at 18:30 GMT')
  expect(second).toContain('€10.50')
  expect(await textOf('payment.confirmation_required', '3')).toContain('by November 21, 2026 at 1:30 PM EST')
  clock.now = '2026-11-21T08:31:00.000Z'
  expect(await textOf('reminder.1', '1')).toContain('bis 21. November 2026 um 19:30 MEZ')
})
