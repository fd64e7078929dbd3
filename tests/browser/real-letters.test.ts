// The pages of failed messages over a system that really runs: what is garbage is found by its cause, looked into and sent again,
// and sending stops by itself when the first of them fails again.
import { expect, it, onTestFinished } from 'vitest'
import { startSystem } from '../support/system.ts'
import { createVhost, withChannel } from '../support/vhost.ts'
import { findingsInEveryForm, launchBrowser, openPage } from './browser.ts'

it('garbage is found, looked into and sent again, which stops when it fails again', async () => {
  const vhost = await createVhost()
  onTestFinished(() => vhost.remove())
  const system = await startSystem({ amqpUrl: vhost.amqpUrl })
  onTestFinished(() => system.stop())
  const browser = await launchBrowser()
  onTestFinished(() => browser.close())
  const watched = await openPage(browser)
  const { page } = watched
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const messageId of ['g1', 'g2', 'g3'])
      channel.sendToQueue('payment.queue', Buffer.from(`not json, ${messageId}`), { messageId, persistent: true })
  })

  await page.goto(system.url('audit'))
  await page.getByRole('heading', { level: 1, name: /^3 messages failed/ }).waitFor()
  const failed = page.getByRole('region', { name: 'Failed messages' })
  await failed.getByRole('link', { name: /Review/ }).click()
  await page.getByRole('link', { name: 'one of them' }).click()
  await page.getByRole('heading', { level: 2, name: 'Body' }).waitFor()
  expect(await findingsInEveryForm(page)).toEqual([])

  await page.goBack()
  await page.getByRole('button', { name: 'Send all again …' }).click()
  const form = page.getByRole('form', { name: /Send 3 messages again/ })
  await form.getByLabel('Your name').fill('ada')
  await form.getByLabel('Reason, for the record').fill('to see')
  await form.getByRole('button', { name: /Send 3/ }).click()
  await page.getByText('Stopped after 1 of 3').waitFor()
  expect(watched.complaints).toEqual([])
  await watched.close()
}, 180_000)
