// The e-mail channel against a real SMTP server, and as files.
import { spawnSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deferred, PermanentError, TransientError } from '@orders/shared/runtime'
import { eventually, scratchFolder } from '@orders/shared/testing'
import PostalMime from 'postal-mime'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { openMailFolder, openSmtp, queueIdIn } from '../../channels/email.ts'
import type { Sender } from '../../channels/sender.ts'
import type { Outgoing } from '../../deliveries/domain.ts'
import { newsWords } from '../../orders/words.ts'
import { type MailServer, startMailServer } from '../mail-server.ts'
import { set, style } from '../templates.ts'

const settings = { mailFrom: 'Orders <orders@example.com>', mailIdDomain: 'orders.example' }
const told = {
  user: 'gayal',
  priority: 'standard' as const,
  lines: [{ sku: 'item1', quantity: 2, unitPriceCents: 1250 }],
  totalCents: 2500,
}
const outgoing: Outgoing = {
  notificationId: '123.order.paid',
  eventType: 'order.paid',
  orderId: '123',
  channel: 'email',
  address: 'gayal@example.com',
  content: set.render(newsWords('order.paid', '123', told, style)),
  createdAt: '2026-11-21T08:30:00.000Z',
}
const now = () => new Date('2026-11-21T16:00:00.000Z')
const signal = new AbortController().signal

let server: MailServer
let smtp: Sender
beforeEach(async () => {
  server = await startMailServer()
  smtp = openSmtp(server.url, settings, now)
})
afterEach(async () => {
  smtp.close()
  await server.close()
})

it('hands the mail over once, with a Message-ID that follows from the notification and both parts', async () => {
  expect(await smtp.send(outgoing, signal)).toBe('<123.order.paid.email@orders.example>')
  expect(server.accepted).toHaveLength(1)
  expect(server.accepted[0]).toMatchObject({
    from: 'orders@example.com',
    to: ['gayal@example.com'],
    mail: {
      messageId: '<123.order.paid.email@orders.example>',
      subject: 'Order 123 is paid',
      // When it is handed over, not when it was asked for.
      date: '2026-11-21T16:00:00.000Z',
      from: { name: 'Orders', address: 'orders@example.com' },
      text: expect.stringContaining('We have received €25.00 for order 123.'),
      html: expect.stringContaining('&#8364;25.00'),
    },
  })
})

it('sends a repeat with the same Message-ID', async () => {
  await smtp.send(outgoing, signal)
  await smtp.send(outgoing, signal)
  const ids = server.accepted.map(({ mail }) => mail.messageId)
  expect(ids).toEqual(['<123.order.paid.email@orders.example>', '<123.order.paid.email@orders.example>'])
})

it.each([
  ['recipient', 450, TransientError],
  ['recipient', 550, PermanentError],
  ['recipient', 530, TransientError],
  ['data', 451, TransientError],
  ['data', 554, PermanentError],
] as const)('a %s refused with %i', async (step, code, kind) => {
  server.refuse(step, code)
  const failure = await smtp.send(outgoing, signal).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(kind)
  expect(String(failure)).toContain(String(code))
  expect(JSON.stringify([failure, String(failure)])).not.toContain('gayal@example.com')
  await smtp.send(outgoing, signal)
  expect(server.accepted).toHaveLength(1)
})

it.each([
  ['no, not', 550, 'PermanentError', 'mail_refused'],
  ['no, not', 553, 'PermanentError', 'mail_refused'],
  ['5.1.1 no such user', 550, 'AddressGoneError', 'mail_bounced'],
  ['5.1.10 null MX', 556, 'AddressGoneError', 'mail_bounced'],
  ['5.2.1 mailbox disabled', 550, 'PermanentError', 'mail_refused'],
  ['5.1.8 bad sender', 550, 'PermanentError', 'mail_refused'],
  ['5.7.1 we do not like you', 550, 'PermanentError', 'mail_refused'],
  ['5.2.2 mailbox full', 552, 'PermanentError', 'mail_refused'],
  ['no, not', 554, 'PermanentError', 'mail_refused'],
  ['4.2.1 greylisted', 450, 'TransientError', 'mail_deferred'],
  ['4.3.2 going down', 421, 'ProviderError', 'mail_deferred'],
  ['5.7.0 log in first', 530, 'ProviderError', 'mail_deferred'],
])('a recipient refused with "%s" and %i is a %s', async (words, status, name, code) => {
  server.saying(words)
  server.refuse('recipient', status)
  await expect(smtp.send(outgoing, signal)).rejects.toMatchObject({ name, code })
})

it.each([
  ['5.7.1 daily sending limit exceeded', 550],
  ['5.7.1 sender address rejected: not owned by user', 553],
  ['5.1.1 no such sender', 550],
  ['no, not', 554],
  ['4.7.1 try again later', 451],
])('our own address refused with "%s" and %i is about every mail, and none was taken', async (words, status) => {
  server.saying(words)
  server.refuse('sender', status)
  const refused = { name: 'ProviderError', code: 'mail_deferred', outcome: 'refused' }
  await expect(smtp.send(outgoing, signal)).rejects.toMatchObject(refused)
  await smtp.send(outgoing, signal)
  expect(server.accepted).toHaveLength(1)
})

it('a connection that ends after the mail was taken leaves it open whether it was', async () => {
  server.hangUp()
  await expect(smtp.send(outgoing, signal)).rejects.toMatchObject({ name: 'ProviderError', outcome: 'unknown' })
  expect(server.accepted).toHaveLength(1)
})

it('a call that takes too long is called off: nobody knows how it ended, and the next mail goes out', async () => {
  const never = deferred()
  server.answerAfter(never.promise)
  const call = new AbortController()
  const sent = smtp.send(outgoing, call.signal)
  await eventually('the server has the mail', () => server.accepted.length === 1)
  call.abort()
  await expect(sent).rejects.toMatchObject({ name: 'ProviderError', outcome: 'unknown' })
  server.answerAfter(Promise.resolve())
  expect(await smtp.send(outgoing, signal)).toBe('<123.order.paid.email@orders.example>')
  never.resolve()
})

it('closed in the middle of a call, it leaves it open how that ended', async () => {
  const never = deferred()
  server.answerAfter(never.promise)
  const sent = smtp.send(outgoing, signal)
  await eventually('the server has the mail', () => server.accepted.length === 1)
  smtp.close()
  await expect(sent).rejects.toMatchObject({ name: 'ProviderError', outcome: 'unknown' })
  await expect(smtp.send(outgoing, signal)).rejects.toMatchObject({ name: 'ProviderError' })
  never.resolve()
})

it('a fault of the thread that asks the server ends the process, and is told', () => {
  const program = join(import.meta.dirname, 'smtp-fault.ts')
  const ended = spawnSync(process.execPath, ['--import', 'tsx', program])
  expect(ended.status).toBe(1)
  expect(String(ended.stderr)).toContain('Invalid URL')
  expect(String(ended.stdout)).toBe('')
})

it('a server that is not there may be there later, and certainly has not taken anything', async () => {
  await server.close()
  await expect(smtp.send(outgoing, signal)).rejects.toMatchObject({ name: 'ProviderError', outcome: 'refused' })
  server = await startMailServer()
})

it('what is no address is refused without asking anybody', async () => {
  const forged = { ...outgoing, address: 'a@example.com>\r\nRCPT TO:<b@example.com' }
  await expect(smtp.send(forged, signal)).rejects.toBeInstanceOf(PermanentError)
  expect(server.accepted).toEqual([])
})

it('writes files that mail programs open, one for each notification however often', async () => {
  const scratch = await scratchFolder()
  try {
    const folder = openMailFolder(join(scratch.path, 'mail'), settings, now)
    await folder.send(outgoing, signal)
    await folder.send(outgoing, signal)
    await folder.send({ ...outgoing, notificationId: '../../escape' }, signal)
    expect((await readdir(join(scratch.path, 'mail'))).sort()).toEqual(['..%2F..%2Fescape.eml', '123.order.paid.eml'])
    const parsed = await PostalMime.parse(await readFile(join(scratch.path, 'mail', '123.order.paid.eml')))
    expect(parsed).toMatchObject({
      messageId: '<123.order.paid.email@orders.example>',
      to: [{ address: 'gayal@example.com' }],
      subject: 'Order 123 is paid',
      text: expect.stringContaining('Hello,'),
      html: expect.stringMatching(/Hello,/),
    })
  } finally {
    await scratch.remove()
  }
})

it('lets nobody slip in a header', async () => {
  const content = { ...outgoing.content, subject: 'Hi\r\nBcc: everybody@example.com' }
  await smtp.send({ ...outgoing, content }, signal)
  expect(server.accepted).toHaveLength(1)
  expect(server.accepted[0]?.to).toEqual(['gayal@example.com'])
  expect(server.accepted[0]?.mail.bcc ?? []).toEqual([])
})

it('a mailbox beyond ASCII is refused without a byte of it on the wire, and a domain beyond it is encoded', async () => {
  const to = (address: string) => smtp.send({ ...outgoing, address }, signal)
  await expect(to('ünï@b.test')).rejects.toMatchObject({ name: 'PermanentError', code: 'bad_address' })
  expect(server.accepted).toEqual([])
  await to('uni@bücher.test')
  // As the server reads it, which decodes the domain.
  expect(server.accepted.map((one) => one.to)).toEqual([['uni@bücher.test']])
})

it.each(['=?utf-8?q?x?=', 'Save 50 % =?iso-8859-1?b?eA==?= now', 'Größe =?utf-8?q?x?='])(
  'the subject "%s" is shown as it was typed',
  async (subject) => {
    await smtp.send({ ...outgoing, content: { ...outgoing.content, subject } }, signal)
    expect(server.accepted[0]?.mail.subject).toBe(subject)
  },
)

it.each(['=?utf-8?q?x?= Shop', 'A "quoted" =?utf-8?q?x?='])('so is the sender’s name "%s"', async (name) => {
  const settings = { mailFrom: `"${name.replaceAll('"', '\\"')}" <orders@example.com>`, mailIdDomain: 'orders.example' }
  const other = openSmtp(server.url, settings, () => new Date())
  onTestFinished(() => other.close())
  await other.send(outgoing, signal)
  expect(server.accepted[0]?.mail.from).toMatchObject({ name, address: 'orders@example.com' })
})

it.each([
  ['250 2.0.0 Ok: queued as 4F2A91C0D3', '4F2A91C0D3'],
  ['250 OK id=1sXyZ-0001Ab-2C', '1sXyZ-0001Ab-2C'],
  ['250 2.0.0 4AL8UKmP012345 Message accepted for delivery', '4AL8UKmP012345'],
  ['250 OK: message queued', undefined],
  ['250 Great success', undefined],
])('of "%s" the server’s own id is %s', (response, id) => {
  expect(queueIdIn(response)).toBe(id)
})
