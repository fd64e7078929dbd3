// E-mail by Postmark's API. Postmark composes the mail from the same parts.
// https://postmarkapp.com/developer/api/email-api
import { PermanentError } from '@orders/shared/runtime'
import { askProvider, type ProviderAnswer, textAt } from './ask-provider.ts'
import { type MailSettings, writer } from './email.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'

export interface PostmarkAccount {
  serverToken: string
  messageStream: string
  baseUrl: string
}

export function openPostmark(account: PostmarkAccount, settings: MailSettings, now: () => Date): Sender {
  const { serverToken, messageStream, baseUrl } = account
  const write = writer(settings, now)
  return {
    provider: 'postmark',
    async send(outgoing, signal) {
      const { from, to, subject, messageId, headers, text, html } = write(outgoing)
      // With this header Postmark keeps our Message-ID.
      const named = { ...headers, 'Message-ID': messageId, 'X-PM-KeepID': 'true' }
      const { notificationId, generation = 1 } = outgoing
      const answer = await askProvider(`${baseUrl}/email`, {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'x-postmark-server-token': serverToken,
        },
        body: JSON.stringify({
          From: from,
          To: to,
          Subject: subject,
          TextBody: text,
          HtmlBody: html,
          Headers: Object.entries(named).map(([Name, Value]) => ({ Name, Value })),
          Metadata: { notification: notificationId, generation: String(generation) },
          MessageStream: messageStream,
        }),
        signal,
      })
      const id = textAt(answer.body, 'MessageID')
      if (answer.status === 200 && textAt(answer.body, 'ErrorCode') === '0' && id !== '') return id
      throw failureOf(answer)
    },
    close: () => undefined,
  }
}

/** https://postmarkapp.com/developer/api/overview#error-codes. A code that is not handled here concerns the account. */
const BAD_ADDRESS = '300'
/** The address bounced hard, complained, or was deactivated by hand. */
const INACTIVE = '406'

function failureOf({ status, retryAfterSeconds, body }: ProviderAnswer): Error {
  const code = textAt(body, 'ErrorCode')
  // Postmark's own text repeats the address.
  const why = `postmark answered ${status}${code === '' ? '' : `, error ${code}`}`
  if (code === INACTIVE) return new AddressGoneError('mail_bounced', why)
  if (code === BAD_ADDRESS) return new PermanentError('mail_refused', why)
  const outcome = status >= 500 && status !== 503 ? 'unknown' : 'refused'
  return new ProviderError('mail_deferred', why, { outcome, retryAfterSeconds })
}
