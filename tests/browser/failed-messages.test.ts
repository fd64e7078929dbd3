// An operator finds failed messages by their cause, looks into one, and sends them again, without a terminal.

import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { findingsOn, launchBrowser, openPage, takePicture, type Watched } from './browser.ts'
import { type FakeAudit, startFakeAudit } from './fake-audit.ts'

let browser: Browser
let audit: FakeAudit
let watched: Watched

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  audit = await startFakeAudit()
  watched = await openPage(browser)
})
afterEach(async () => {
  await watched.close()
  await audit.close()
  expect(watched.complaints).toEqual([])
})

async function fill(form: string, reason: string): Promise<void> {
  const { page } = watched
  const wanted = page.getByRole('form', { name: form })
  await wanted.getByLabel('Your name').fill('ada')
  await wanted.getByLabel('Reason, for the record').fill(reason)
  await wanted.getByRole('button', { name: form }).click()
}

it('from the first page to one message: what, where, why, and its body masked until it is asked for', async () => {
  const { page } = watched
  await page.goto(audit.url)
  await page
    .getByRole('heading', { level: 1, name: '30 messages failed, 1 notification did not reach a customer.' })
    .waitFor()
  await page
    .getByRole('region', { name: 'Failed messages' })
    .getByRole('link', { name: /Review.*Cannot read/ })
    .click()
  await page.getByRole('heading', { level: 2, name: /24 × Cannot read/ }).waitFor()
  await takePicture(page, 'console-failed')
  await page.getByRole('link', { name: 'one of them' }).click()
  await page.getByText('The code of payment-service failed: see the stack trace.').waitFor()
  const facts = await page.getByRole('definition').allInnerTexts()
  expect(facts).toEqual(expect.arrayContaining(['order-100', 'payment-service, version 0.1.0', '6']))
  await page.getByText(/Attempt 6 at .*: TypeError: Cannot read/).waitFor()
  const body = page.getByLabel('Content', { exact: true })
  expect(await body.innerText()).toContain('"item1"')
  expect(await body.innerText()).not.toMatch(/gayal/)
  await page.getByRole('button', { name: 'Show personal data …' }).click()
  await fill('Show it', 'she asks why')
  await body.getByText('gayal@example.com').waitFor()
  expect(await findingsOn(page)).toEqual([])
  await page.getByRole('button', { name: 'Mask personal data' }).click()
  expect(await body.innerText()).not.toMatch(/gayal/)
  await page.getByRole('link', { name: 'Actions' }).click()
  expect(await page.getByRole('row', { name: /ada/ }).innerText()).toMatch(
    /look\s+she asks why\s+failure 0+64 · message/,
  )
})

it('a customer who could not be told: which order, and the command that sends it again', async () => {
  const { page } = watched
  await page.goto(audit.url)
  const region = page.getByRole('region', { name: 'Failed notifications' })
  await region.getByText('Which orders', { exact: true }).click()
  await region.getByRole('link', { name: '77', exact: true }).waitFor()
  const port = Number(new URL(audit.url).port) - 1
  const command = `curl -X POST http://127.0.0.1:${port}/notifications/77-order.shipped/resend`
  expect(await region.getByRole('code').innerText()).toContain(command)
})

it('what nobody can read is masked as a whole', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/failed/${audit.letters.at(-1)?.id}`)
  const body = page.getByLabel('Content', { exact: true })
  await body.waitFor()
  expect(await body.innerText()).not.toContain('no JSON')
  await page.getByRole('button', { name: 'Show personal data …' }).click()
  await fill('Show it', 'what is it?')
  await body.getByText('no JSON at all', { exact: true }).waitFor()
})

it('whoever is named by their token is not asked for a name', async () => {
  const named = await startFakeAudit({ token: 'of-ada', operator: 'ada' })
  const { page } = watched
  try {
    await page.goto(`${named.url}/#/failed/${named.letters[0]?.id}`)
    await page.getByLabel('Token').fill('of-ada')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Show personal data …' }).click()
    const form = page.getByRole('form', { name: 'Show it' })
    await form.getByText('Recorded as ada, the name of your token.').waitFor()
    expect(await form.getByLabel('Your name').count()).toBe(0)
    expect(await findingsOn(page)).toEqual([])
    await form.getByLabel('Reason, for the record').fill('she asks why')
    await form.getByRole('button', { name: 'Show it' }).click()
    await page.getByLabel('Content', { exact: true }).getByText('gayal@example.com').waitFor()
  } finally {
    await named.close()
  }
})

it('all of one cause are sent again with a name, a reason and their count; that is stopped, and resumed', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/failed?fingerprint=${'a1'.repeat(8)}`)
  await page.getByRole('button', { name: 'Send all again …' }).click()
  await fill('Send 24 messages again', 'the bug is fixed')
  await page.getByText('Under way: 1 of 24').waitFor()
  audit.progress({ position: 11, sent: 11, stepEnd: 11 })
  await page.getByText('Under way: 11 of 24').waitFor()
  await page.getByRole('button', { name: 'Stop …' }).click()
  await fill('Stop sending', 'to look at one')
  await page.getByText('Stopped after 11 of 24').waitFor()
  await page.getByText('ada stopped it').waitFor()
  await page.getByRole('button', { name: 'Resume …' }).click()
  await fill('Send the remaining 13', 'it looks good')
  await page.getByText('Under way: 11 of 24').waitFor()
  audit.progress({ state: 'done', position: 24, sent: 24 })
  await page.getByText('Done: no message failed again').waitFor()
})

it('nothing is done to more than was seen', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/failed?fingerprint=${'b2'.repeat(8)}`)
  await page.getByRole('button', { name: 'Archive all …' }).click()
  const [, another] = audit.letters.filter(({ fingerprint }) => fingerprint === 'b2'.repeat(8))
  if (another) another.state = 'archived'
  // The page knows, and the form still says what was seen when it was opened.
  await page.getByRole('heading', { level: 2, name: /4 ×/ }).waitFor()
  await fill('Archive 5 messages', 'these addresses are gone')
  await page.getByText('there are 4 now, not 5: nothing was done').waitFor()
})

it('a body is changed, and not over what somebody else has changed meanwhile', async () => {
  const { page } = watched
  const [letter] = audit.letters
  if (!letter) throw new Error('no letter')
  await page.goto(`${audit.url}/#/failed/${letter.id}`)
  await page.getByRole('button', { name: 'Open its body …' }).click()
  await fill('Open the body', 'to mend it')
  // Opened, it can be read and changed at once.
  const form = page.getByRole('form', { name: 'Change the body' })
  expect(await form.getByLabel('Body').inputValue()).toBe(letter.text)
  await form.getByLabel('Body').fill(letter.text.replace('item1', 'item7'))
  await fill('Change the body', 'item1 is gone')
  await page.getByLabel('Content', { exact: true }).getByText('item7').waitFor()
  expect(letter).toMatchObject({ revision: 2, text: letter.text })
  await page.getByRole('button', { name: 'Open its body …' }).click()
  await fill('Open the body', 'once more')
  await form.waitFor()
  letter.revision = 9
  const another = page.getByRole('button', { name: 'Start again from the current body' })
  await form.getByLabel('Body').fill('half a body')
  await another.waitFor()
  await fill('Change the body', 'and again')
  await page.getByText('it is "9" now').waitFor()
  expect(await form.getByLabel('Body').inputValue()).toBe('half a body')
  await another.click()
  await page.getByRole('button', { name: 'Open its body …' }).waitFor()
})

it('what was done to all of a cause is said after the cause is gone, until the next page', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/failed?fingerprint=${'b2'.repeat(8)}`)
  await page.getByText('from order-service').first().waitFor()
  await page.getByRole('button', { name: 'Archive all …' }).click()
  await fill('Archive 5 messages', 'these addresses are gone')
  await page.getByRole('heading', { level: 2, name: /5 ×/ }).waitFor({ state: 'detached' })
  const said = page.getByText('5 messages archived.')
  await said.waitFor()
  expect(await findingsOn(page)).toEqual([])
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Services' }).waitFor()
  await said.waitFor({ state: 'detached' })
})

it('a message that is archived is not waiting any more', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/failed/${audit.letters[0]?.id}`)
  await page.getByRole('button', { name: 'Archive …' }).click()
  await fill('Archive 1 message', 'it was a test')
  await page.getByRole('definition').getByText('archived').waitFor()
  await page.goto(`${audit.url}/#/failed`)
  await page.getByRole('cell', { name: '23', exact: true }).waitFor()
})
