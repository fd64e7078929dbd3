// The e-mail channel: a mail server, or in development a folder of .eml files that any mail program opens.
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

/** A few kept connections, each renewed now and then. */
export const POOL = { pool: true, maxConnections: 5, maxMessages: 1_000 } as const
const CONNECT_TIMEOUT_MS = 5_000
/** Below the time limit of the whole call, so that the server's silence is told as such. */
const SILENCE_TIMEOUT_MS = 15_000
export const MAIL_TIMEOUT_MS = 20_000

/** Sends by SMTP over a few kept connections. The caller closes it. */
export function openSmtp(url: string, settings: MailSettings, now: () => Date, provider = 'smtp'): Sender {
  const write = writer(settings, now)
  const server = openMailThread({
    url,
    ...POOL,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // A message whose connection broke is the kernel's to send again: only it counts the attempts.
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
 * Under which the server keeps the mail, as Postfix (`250 2.0.0 Ok: queued as 4F2A`), Exim (`250 OK id=1sX-0001`) and sendmail
 * (`250 2.0.0 4AL8 Message accepted for delivery`) say it; undefined where it says nothing of the kind.
 */
export function queueIdIn(response: string): string | undefined {
  const said = /queued as <?([\w.@-]{4,120})/i.exec(response) ?? /\bid=([\w.-]{4,120})/i.exec(response)
  return (said ?? /^250 2\.\d\.\d ([\w.-]{6,120}) Message accepted/i.exec(response))?.[1]
}

/** Stands in for a mail server: writes each mail to `<folder>/<notificationId>.eml`; the same mail again takes the place of the first. */
export function openMailFolder(folder: string, settings: MailSettings, now: () => Date): Sender {
  const write = writer(settings, now)
  mkdirSync(folder, { recursive: true })
  // Written and renamed without a pause in between, so one name is enough for all mails of this process.
  const unfinished = join(folder, `.${process.pid}.tmp`)
  return {
    provider: 'file',
    isStandIn: true,
    async send(outgoing) {
      const mail = write(outgoing)
      // Synchronous: for a few kilobytes the thread pool costs three times what the writing does.
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
    // Beyond ASCII a mailbox needs SMTPUTF8 (RFC 6531) of every server on the way; the domain does not.
    if (!isEmail(address) || BEYOND_ASCII.test(address.slice(0, address.lastIndexOf('@'))))
      throw new PermanentError('bad_address', 'this is not an e-mail address that every mail server accepts')
    return {
      from: mailFrom,
      to: address,
      subject: content.subject,
      messageId: messageIdOf({ notificationId, generation }, mailIdDomain),
      // RFC 5322, 3.6.1: when it is ready to go, and not when it was asked for: it may have been held since.
      date: now(),
      // RFC 3834: keeps holiday notices from being answered to a machine.
      headers: { 'Auto-Submitted': 'auto-generated', ...(mailReplyTo && { 'Reply-To': mailReplyTo }), ...headers },
      text: content.text,
      html: content.html,
    }
  }
}

/** Steps of the dialogue that are about this message; a refusal of the others is about the server or our account. */
const ABOUT_THE_MESSAGE: ReadonlySet<unknown> = new Set(['EENVELOPE', 'EMESSAGE'])
/** It says that the dialogue went astray (RFC 5321), which may be better later. */
const ASTRAY = 503

function failureOf(error: SmtpFailure): Error {
  const { code, responseCode } = error
  const status = Number(responseCode)
  const isFinal = responseCode === undefined || (status >= 500 && status !== ASTRAY)
  // Servers repeat the address in what they say, and this text goes to logs and events. So no `cause` either.
  const message = withoutPrivate(error.message)
  if (!ABOUT_THE_MESSAGE.has(code) || ABOUT_EVERY_MESSAGE.includes(status) || isAboutTheSender(error))
    return new ProviderError('mail_deferred', message, { outcome: isCertain(error) ? 'refused' : 'unknown' })
  if (!isFinal) return new TransientError('mail_deferred', message)
  return isHardBounce(error)
    ? new AddressGoneError('mail_bounced', message)
    : new PermanentError('mail_refused', message)
}

/** Whichever step it answers: 421 ends the dialogue (RFC 5321 §3.8), 530 wants a login (RFC 4954 §6). */
const ABOUT_EVERY_MESSAGE = [421, 530]

/** A refused MAIL FROM: it names our own address, and is the same for every mail. */
function isAboutTheSender({ command, responseCode }: SmtpFailure): boolean {
  return command === 'MAIL FROM' && responseCode !== undefined
}

/** Nothing was taken if the server said no, or was never reached; a connection that breaks in between leaves it open. */
function isCertain({ code, originalCode, responseCode, timeoutType }: SmtpFailure): boolean {
  const isBefore = ['EDNS', 'EAUTH', 'ETLS', 'EPROTOCOL'].includes(String(code))
  const isUnreached = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/.test(String(originalCode ?? code))
  const isTooEarly = timeoutType !== undefined && timeoutType !== 'SOCKET_TIMEOUT'
  return responseCode !== undefined || isBefore || isUnreached || isTooEarly
}

/**
 * The server says that there is no such mailbox, by an enhanced code (RFC 3463). A bare 550 may as well be about the mail, or
 * about us.
 */
function isHardBounce({ response }: SmtpFailure): boolean {
  const [, enhanced = ''] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(String(response ?? '')) ?? []
  return isMailboxGone(enhanced)
}
