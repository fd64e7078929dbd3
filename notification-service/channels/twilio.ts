// SMS by Twilio's REST API, and the check of the signature of Twilio's status callbacks.
// https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/usage/security
import { createHmac, timingSafeEqual } from 'node:crypto'
import { PermanentError } from '@orders/shared/runtime'
import { beginningOf } from '../content.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { askProvider, type ProviderAnswer, textAt } from './ask-provider.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'

export interface TwilioAccount {
  accountSid: string
  authToken: string
  /** A number of ours, or a messaging service (`MG…`). */
  from: string
  baseUrl: string
  /** The URL for Twilio's reports. Undefined if Twilio cannot reach this service. */
  callbackUrl: string | undefined
}

const BODY_MAX = 1_600
/** Tolerance for differing clocks. */
const CLOCK_SKEW_MS = 60_000

export function openTwilio(provider: string, account: TwilioAccount, timeoutMs?: number): Sender {
  const { accountSid, authToken, from, baseUrl, callbackUrl } = account
  const url = `${baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
  return {
    provider,
    async send(outgoing, signal) {
      const form = new URLSearchParams({ To: numberOf(outgoing), Body: textOf(outgoing) })
      form.set(from.startsWith('MG') ? 'MessagingServiceSid' : 'From', from)
      if (callbackUrl !== undefined) form.set('StatusCallback', callbackOf(callbackUrl, outgoing))
      const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await askProvider(url, { method: 'POST', headers, body: form.toString(), signal, timeoutMs })
      const sid = textAt(answer.body, 'sid')
      if (answer.status === 201 && sid !== '') return sid
      throw failureOf(answer)
    },
    /** Twilio has no idempotency key. So an earlier message is found by number, text and time. */
    async find(outgoing, since, signal) {
      const query = new URLSearchParams({ To: numberOf(outgoing), PageSize: '50' })
      const answer = await askProvider(`${url}?${query}`, {
        method: 'GET',
        headers: { authorization },
        signal,
        timeoutMs,
      })
      if (answer.status !== 200) throw failureOf(answer)
      const sinceMs = Date.parse(since) - CLOCK_SKEW_MS
      // A trial account adds text at the beginning.
      const found = messagesIn(answer.body).find(
        (message) =>
          textAt(message, 'body').endsWith(textOf(outgoing)) && Date.parse(textAt(message, 'date_created')) >= sinceMs,
      )
      return found === undefined ? undefined : textAt(found, 'sid')
    },
    close: () => undefined,
  }
}

/** In E.164, which Twilio requires. */
function numberOf({ address }: Outgoing): string {
  const number = address.replace(/[\s()-]/g, '')
  if (!/^\+[1-9]\d{6,14}$/.test(number))
    throw new PermanentError('bad_address', 'this is not a phone number in the form +94112345678')
  return number
}

/** One text, shortened: each 70 to 160 characters are billed. */
function textOf({ content }: Outgoing): string {
  return beginningOf(content.short, BODY_MAX)
}

function messagesIn(body: unknown): unknown[] {
  const messages = typeof body === 'object' && body !== null && 'messages' in body ? body.messages : []
  return Array.isArray(messages) ? messages : []
}

/** https://www.twilio.com/docs/api/errors. A code that is not listed concerns the account, not this message. */
const ABOUT_THE_MESSAGE = new Set([
  '21211',
  '21214',
  '21217',
  '21219',
  '21408',
  '21602',
  '21604',
  '21612',
  '21614',
  '21617',
])
/** The customer answered STOP. */
const UNSUBSCRIBED = '21610'

/**
 * Whether the code of a status callback means that the number is gone. 30005 is an unknown handset. 30006 may be a
 * carrier that is out of reach for now.
 */
export function isAddressGone(code: string): boolean {
  return code === '30005'
}

function failureOf({ status, retryAfterSeconds, body }: ProviderAnswer): Error {
  const code = textAt(body, 'code')
  // Twilio's own text would repeat the number.
  const why = `twilio answered ${status}${code === '' ? '' : `, error ${code}`}`
  if (code === UNSUBSCRIBED) return new AddressGoneError('unsubscribed', why)
  if (ABOUT_THE_MESSAGE.has(code)) return new PermanentError('sms_refused', why)
  // A server that failed in the middle may have queued the message. One that answers 503 or 429 has not.
  const outcome = status >= 500 && status !== 503 ? 'unknown' : 'refused'
  return new ProviderError('sms_deferred', why, { outcome, retryAfterSeconds })
}

const CALLBACK_PATH = '/callbacks/twilio'

function callbackOf(callbackUrl: string, { notificationId, generation = 1 }: Outgoing): string {
  const again = generation === 1 ? '' : `&generation=${generation}`
  return `${callbackUrl}${CALLBACK_PATH}?notification=${encodeURIComponent(notificationId)}${again}`
}

/** Whether this form was signed for this URL with the token: HMAC-SHA1 of the URL and the sorted fields. */
export function isSignedByTwilio(token: string, url: string, form: object, signature: string): boolean {
  const fields = Object.entries(form).sort(([one], [other]) => (one < other ? -1 : 1))
  const text = url + fields.map(([name, value]) => name + value).join('')
  const expected = createHmac('sha1', token).update(text).digest()
  const given = Buffer.from(signature, 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
