// The mail's bytes, read back by an independent parser, and compared with what nodemailer itself composes.
import fc from 'fast-check'
import MailComposer from 'nodemailer/lib/mail-composer'
import PostalMime from 'postal-mime'
import { expect, it } from 'vitest'
import { htmlOf, textOf } from '../channels/email-layout.ts'
import { compose, type Mail, senderOf } from '../channels/mime.ts'
import { contentOf, moneyIn, newsTypes } from '../content.ts'

const from = 'Orders <orders@example.com>'
const mail: Mail = {
  to: 'gayal@example.com',
  subject: 'Order 123 is paid',
  messageId: '<123.order.paid.email@orders.example>',
  date: '2026-11-21T08:30:00.000Z',
  text: 'Hello,\n\n€25.00\n',
  html: '<p>Hello</p>\n',
}
const composed = (parts: Partial<Mail> = {}) => compose(senderOf(from).header, { ...mail, ...parts })
const lf = (text: string | undefined) => text?.replace(/\r\n?/g, '\n').trimEnd()

it('reads back as it was written, whatever was written', async () => {
  const anything = fc.string({ unit: 'grapheme', maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(anything, anything, anything, async (subject, text, html) => {
      const parsed = await PostalMime.parse(composed({ subject: `s${subject}e`, text, html }))
      const oneLine = `s${subject}e`.replace(/\p{Control}+/gu, ' ')
      expect(parsed.subject).toBe(oneLine)
      expect(parsed).toMatchObject({ messageId: mail.messageId, date: mail.date, to: [{ address: mail.to }] })
      expect(lf(parsed.text)).toBe(lf(text))
      expect(lf(parsed.html)).toBe(lf(html))
    }),
    { numRuns: 300 },
  )
})

it('lets nobody end a part or slip in a header', async () => {
  const parsed = await PostalMime.parse(
    composed({
      subject: 'Hi\r\nBcc: everybody@example.com',
      text: 'ok\n--=_part\nContent-Type: text/html\n\n<b>forged</b>\n--=_part--\n',
      html: '<p>mine</p>--=_part_\n',
    }),
  )
  expect(parsed.bcc ?? []).toEqual([])
  expect(parsed.text).toContain('<b>forged</b>')
  expect(lf(parsed.html)).toBe('<p>mine</p>--=_part_')
})

it('keeps every line short enough for SMTP and all bytes ASCII', () => {
  const long = composed({ html: `<p>${'x'.repeat(5_000)}</p>`, text: '€'.repeat(2_000), subject: 'ü'.repeat(200) })
  expect(long.split('\r\n').filter((line) => line.length > 998)).toEqual([])
  expect(long).toMatch(/^[\t\r\n\x20-\x7e]*$/)
})

it('says what nodemailer would say', async () => {
  for (const type of newsTypes) {
    const told = {
      user: 'Zoë <b>',
      priority: 'standard' as const,
      lines: [{ sku: 'a', quantity: 1 }],
      totalCents: 1234,
    }
    const content = contentOf(type, '123', told, moneyIn('EUR'))
    const parts = { ...mail, subject: content.subject, text: textOf(content), html: htmlOf(content) }
    const theirs = await PostalMime.parse(await new MailComposer({ from, ...parts }).compile().build())
    const ours = await PostalMime.parse(composed(parts))
    const { headers: _, headerLines: __, ...known } = theirs
    expect({ ...ours, headers: undefined, headerLines: undefined, text: lf(ours.text), html: lf(ours.html) }).toEqual({
      ...known,
      headers: undefined,
      headerLines: undefined,
      text: lf(theirs.text),
      html: lf(theirs.html),
    })
  }
})

it('escapes what customers call themselves', () => {
  const told = { user: '<script>alert("x")</script>', priority: 'standard' as const }
  const html = htmlOf(contentOf('order.created', '123', told, moneyIn('EUR')))
  expect(html).toContain('Hello &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;,')
  expect(html).not.toContain('<script')
})

it('reads a sender with any name once, for the header and the envelope', () => {
  expect(senderOf('Orders <orders@example.com>')).toEqual({
    header: 'From: Orders <orders@example.com>',
    address: 'orders@example.com',
  })
  expect(senderOf('Grüße <a@example.com>')).toMatchObject({ address: 'a@example.com' })
  expect(senderOf('Grüße <a@example.com>').header).toMatch(/^From: =\?UTF-8\?/)
})
