// docs/first-notification.md: every command on it is run, as it stands there, and has the answer that stands there.
import { expect, it } from 'vitest'
import { openServices } from '../running.ts'
import { pageOf } from './docs-page.ts'

it('answers each command as the page says', async () => {
  const page = pageOf('first-notification.md')
  expect(page.steps.length).toBeGreaterThan(5)
  const { running } = await openServices({ isBare: true, at: '2026-11-21T08:30:00.000Z' })
  await page.expectAnswers(running[0]?.url ?? '')
})
