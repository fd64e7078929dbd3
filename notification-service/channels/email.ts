// The e-mail channel: a mail server, or in development a folder of .eml files that any mail program opens.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import { asError, PermanentError, TransientError } from '@orders/shared/runtime'
import { createTransport } from 'nodemailer'
import { isEmail, type Outgoing } from '../domain.ts'
import { htmlOf, textOf } from './email-layout.ts'
import { compose, senderOf } from './mime.ts'
import type { Sender } from './sender.ts'

export interface MailSettings {
  mailFrom: string
  mailIdDomain: string
}

const CONNECTIONS = 5
const MESSAGES_PER_CONNECTION = 1_000
const CONNECT_TIMEOUT_MS = 5_000
/** Below the time limit of the whole call, so that the server's silence is told as such. */
const SILENCE_TIMEOUT_MS = 15_000
export const MAIL_TIMEOUT_MS = 20_000

/** Sends by SMTP over a few kept connections. The caller closes it. */
export function openSmtp(url: string, settings: MailSettings): Sender {
  const write = writer(settings)
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: MESSAGES_PER_CONNECTION,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // A message whose connection broke is the kernel's to send again: only it counts the attempts.
    maxRequeues: 0,
  })
  return {
    provider: 'smtp',
    async send(outgoing, signal) {
      const { from, to, messageId, raw } = write(outgoing)
      try {
        await transport.sendMail({ envelope: { from, to: [to] }, raw, signal })
      } catch (thrown) {
        throw failureOf(asError(thrown), to)
      }
      return messageId
    },
    close: () => transport.close(),
  }
}

/** Writes each mail to `<folder>/<notificationId>.eml`; the same mail again is the same file again. */
export function openMailFolder(folder: string, settings: MailSettings): Sender {
  const write = writer(settings)
  mkdirSync(folder, { recursive: true })
  // Written without a pause in between, so one name is enough for all mails of this process.
  const unfinished = join(folder, `.${process.pid}.tmp`)
  return {
    provider: 'file',
    async send(outgoing) {
      const { messageId, raw } = write(outgoing)
      // Synchronous: for a few kilobytes the thread pool costs three times what the writing does.
      writeFileSync(unfinished, raw)
      renameSync(unfinished, join(folder, `${encodeURIComponent(outgoing.notificationId)}.eml`))
      return messageId
    },
    close: () => undefined,
  }
}

/** Turns a notification into a mail. The Message-ID follows from the notification, so that a repeat can be recognised. */
function writer({ mailFrom, mailIdDomain }: MailSettings) {
  const from = senderOf(mailFrom)
  return ({ notificationId, address, content, createdAt }: Outgoing) => {
    if (!isEmail(address)) throw new PermanentError('bad_address', 'this is no e-mail address')
    const messageId = `<${encodeURIComponent(notificationId)}.email@${mailIdDomain}>`
    const to = withAsciiDomain(address)
    const mail = { to, subject: content.subject, messageId, date: createdAt }
    const raw = compose(from.header, { ...mail, text: textOf(content), html: htmlOf(content) })
    return { from: from.address, to, messageId, raw }
  }
}

/** `münchen.example` travels as `xn--mnchen-3ya.example` (RFC 5891). */
function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`
}

/** Steps of the dialogue that are about this message; a refusal of the others is about the server or our account. */
const ABOUT_THE_MESSAGE: ReadonlySet<unknown> = new Set(['EENVELOPE', 'EMESSAGE'])
/** 503 says that the dialogue went astray (RFC 5321), 530 that the server wants a login: both may be better later. */
const NOT_FOR_GOOD = [503, 530]

function failureOf(error: Error & { code?: unknown; responseCode?: unknown }, address: string): Error {
  const { code, responseCode } = error
  const isRefused =
    responseCode === undefined || (Number(responseCode) >= 500 && !NOT_FOR_GOOD.includes(Number(responseCode)))
  // Servers repeat the address in what they say, and this text goes to logs and events. So no `cause` either.
  const message = error.message.replaceAll(address, '[address]')
  return ABOUT_THE_MESSAGE.has(code) && isRefused
    ? new PermanentError('mail_refused', message)
    : new TransientError('mail_deferred', message)
}
