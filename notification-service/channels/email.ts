// The e-mail channel: sends by SMTP or, in development, writes .eml files, which any mail program opens.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isEmail } from '@orders/shared/contracts'
import { PermanentError, TransientError, withoutPrivate } from '@orders/shared/runtime'
import type { Outgoing } from '../deliveries/domain.ts'
import { compose, type Mail } from './compose.js'
import { messageIdOf } from './ids.ts'
import { isMailboxGone } from './mailbox-codes.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'
import { openMailThread, type SmtpFailure } from './smtp.ts'

export interface MailSettings {
  mailFrom: string
  mailReplyTo?: string
  mailIdDomain: string
}

/** A few connections that are kept open and renewed after some mails. */
export const POOL = { pool: true, maxConnections: 5, maxMessages: 1_000 } as const
const CONNECT_TIMEOUT_MS = 5_000
/** Less than the time limit of the whole call, so that the error names the server's silence. */
const SILENCE_TIMEOUT_MS = 15_000
export const MAIL_TIMEOUT_MS = 20_000

/** Sends by SMTP over a few connections that are kept open. The caller closes it. */
export function openSmtp(url: string, settings: MailSettings, now: () => Date, provider = 'smtp'): Sender {
  const write = writer(settings, now)
  const server = openMailThread({
    url,
    ...POOL,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // nodemailer must not retry: only the kernel counts attempts.
    maxRequeues: 0,
  })
  return {
    provider,
    async send(outgoing, signal) {
      const mail = write(outgoing)
      const { failure, response } = await server.send(mail, signal)
      if (failure) throw failureOf(failure)
      return queueIdIn(response) ?? mail.messageId
    },
    close: () => server.close(),
  }
}

/**
 * The id by which the server queued the mail, from the replies of Postfix (`250 2.0.0 Ok: queued as 4F2A`), Exim (`250
 * OK id=1sX-0001`) and sendmail (`250 2.0.0 4AL8 Message accepted for delivery`). Undefined if the reply contains none.
 */
export function queueIdIn(response: string): string | undefined {
  const said = /queued as <?([\w.@-]{4,120})/i.exec(response) ?? /\bid=([\w.-]{4,120})/i.exec(response)
  return (said ?? /^250 2\.\d\.\d ([\w.-]{6,120}) Message accepted/i.exec(response))?.[1]
}

/** Stands in for a mail server: writes each mail to `<folder>/<notificationId>.eml`. A repeat replaces the file. */
export function openMailFolder(folder: string, settings: MailSettings, now: () => Date): Sender {
  const write = writer(settings, now)
  mkdirSync(folder, { recursive: true })
  // Writing and renaming happen in one synchronous step, so one name serves all mails of this process.
  const unfinished = join(folder, `.${process.pid}.tmp`)
  return {
    provider: 'file',
    isStandIn: true,
    async send(outgoing) {
      const mail = write(outgoing)
      // Synchronous: for a few kilobytes the thread pool costs three times as much as writing.
      writeFileSync(unfinished, compose(mail).raw)
      renameSync(unfinished, join(folder, `${encodeURIComponent(outgoing.notificationId)}.eml`))
      return mail.messageId
    },
    close: () => undefined,
  }
}

const BEYOND_ASCII = /[^\x20-\x7e]/

/** Turns a notification into a mail. */
export function writer({ mailFrom, mailReplyTo, mailIdDomain }: MailSettings, now: () => Date) {
  return ({ notificationId, generation = 1, address, content, headers }: Outgoing): Mail => {
    // A non-ASCII mailbox needs SMTPUTF8 (RFC 6531) on every server on the way. A non-ASCII domain does not.
    if (!isEmail(address) || BEYOND_ASCII.test(address.slice(0, address.lastIndexOf('@'))))
      throw new PermanentError('bad_address', 'this is not an e-mail address that every mail server accepts')
    return {
      from: mailFrom,
      to: address,
      subject: content.subject,
      messageId: messageIdOf({ notificationId, generation }, mailIdDomain),
      // RFC 5322 §3.6.1: when the mail is ready to be sent, not when it was requested. It may have been held since.
      date: now(),
      // RFC 3834: prevents automatic replies, such as out-of-office mails.
      headers: { 'Auto-Submitted': 'auto-generated', ...(mailReplyTo && { 'Reply-To': mailReplyTo }), ...headers },
      text: content.text,
      html: content.html,
    }
  }
}

/** Codes of steps that concern this message. A refusal in any other step concerns the server or our account. */
const ABOUT_THE_MESSAGE: ReadonlySet<unknown> = new Set(['EENVELOPE', 'EMESSAGE'])
/** Bad sequence of commands (RFC 5321). A later attempt may succeed. */
const ASTRAY = 503

function failureOf(error: SmtpFailure): Error {
  const { code, responseCode } = error
  const status = Number(responseCode)
  const isFinal = responseCode === undefined || (status >= 500 && status !== ASTRAY)
  // Servers repeat the address in their replies, and this text goes to logs and events. For the same reason there is no
  // `cause`.
  const message = withoutPrivate(error.message)
  if (!ABOUT_THE_MESSAGE.has(code) || ABOUT_EVERY_MESSAGE.includes(status) || isAboutTheSender(error))
    return new ProviderError('mail_deferred', message, { outcome: isCertain(error) ? 'refused' : 'unknown' })
  if (!isFinal) return new TransientError('mail_deferred', message)
  return isHardBounce(error)
    ? new AddressGoneError('mail_bounced', message)
    : new PermanentError('mail_refused', message)
}

/**
 * Replies that concern every mail, at whatever step: 421 closes the connection (RFC 5321 §3.8), 530 demands a login
 * (RFC 4954 §6).
 */
const ABOUT_EVERY_MESSAGE = [421, 530]

/** A refused MAIL FROM concerns our own address, which is the same in every mail. */
function isAboutTheSender({ command, responseCode }: SmtpFailure): boolean {
  return command === 'MAIL FROM' && responseCode !== undefined
}

/**
 * Whether the server certainly did not accept the mail: it refused it, or was never reached. A connection that broke in
 * between leaves that open.
 */
function isCertain({ code, originalCode, responseCode, timeoutType }: SmtpFailure): boolean {
  const isBefore = ['EDNS', 'EAUTH', 'ETLS', 'EPROTOCOL'].includes(String(code))
  const isUnreached = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/.test(String(originalCode ?? code))
  const isTooEarly = timeoutType !== undefined && timeoutType !== 'SOCKET_TIMEOUT'
  return responseCode !== undefined || isBefore || isUnreached || isTooEarly
}

/**
 * Whether an enhanced code (RFC 3463) says that the mailbox does not exist. A bare 550 may also concern the mail, or
 * us.
 */
function isHardBounce({ response }: SmtpFailure): boolean {
  const [, enhanced = ''] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(String(response ?? '')) ?? []
  return isMailboxGone(enhanced)
}
