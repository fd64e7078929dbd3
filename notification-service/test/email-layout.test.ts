// What a customer can put into a mail: words, and nothing else.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import PostalMime from 'postal-mime'
import { expect, it } from 'vitest'
import { openMailFolder } from '../channels/email.ts'
import { htmlOf } from '../channels/email-layout.ts'
import { contentOf, moneyIn } from '../content.ts'

it('escapes what customers call themselves', () => {
  const told = { user: '<script>alert("x")</script>', priority: 'standard' as const }
  const html = htmlOf(contentOf('order.created', '123', told, moneyIn('EUR')))
  expect(html).toContain('Hello &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;,')
  expect(html).not.toContain('<script')
})

it('lets nobody slip in a header', async () => {
  const scratch = await scratchFolder()
  try {
    const folder = openMailFolder(scratch.path, { mailFrom: 'Orders <orders@example.com>', mailIdDomain: 'o.example' })
    const content = contentOf('order.created', '1', { user: 'ann', priority: 'standard' }, moneyIn('EUR'))
    const subject = 'Hi\r\nBcc: everybody@example.com'
    const createdAt = '2026-11-21T08:30:00.000Z'
    const mail = { notificationId: 'n', channel: 'email' as const, address: 'a@example.com', createdAt }
    await folder.send({ ...mail, content: { ...content, subject } }, new AbortController().signal)
    const parsed = await PostalMime.parse(await readFile(join(scratch.path, 'n.eml')))
    expect(parsed.bcc ?? []).toEqual([])
    expect(parsed.to).toMatchObject([{ address: 'a@example.com' }])
  } finally {
    await scratch.remove()
  }
})
