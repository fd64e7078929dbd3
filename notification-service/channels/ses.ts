// E-mail by Amazon SES: SendEmail of its API v2, with the whole mail as we compose it.
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
import { PermanentError } from '@orders/shared/runtime'
import { askProvider, type ProviderAnswer, textAt } from './ask-provider.ts'
import { compose } from './compose.js'
import { type MailSettings, writer } from './email.ts'
import { ProviderError, type Sender } from './sender.ts'
import { type AwsKey, signed } from './sigv4.ts'

export interface SesAccount extends AwsKey {
  region: string
  /** The configuration set by which SES reports on mails. */
  configurationSet: string | undefined
  /** Replaces Amazon's URL. */
  baseUrl: string | undefined
}

const PATH = '/v2/email/outbound-emails'

export function openSes(account: SesAccount, settings: MailSettings, now: () => Date): Sender {
  const { region, configurationSet, baseUrl = `https://email.${region}.amazonaws.com` } = account
  const write = writer(settings, now)
  return {
    provider: 'ses',
    async send(outgoing, signal) {
      const { envelope, raw } = compose(write(outgoing))
      const { notificationId, generation = 1 } = outgoing
      const body = JSON.stringify({
        Content: { Raw: { Data: Buffer.from(raw).toString('base64') } },
        Destination: { ToAddresses: envelope.to },
        EmailTags: [
          { Name: 'notification', Value: notificationId },
          { Name: 'generation', Value: String(generation) },
        ],
        ...(configurationSet !== undefined && { ConfigurationSetName: configurationSet }),
      })
      const request = { method: 'POST', url: baseUrl + PATH, body, service: 'ses', region } as const
      const headers = signed({ ...request, headers: { 'content-type': 'application/json' } }, account, now())
      const answer = await askProvider(request.url, { method: 'POST', headers, body, signal })
      const id = textAt(answer.body, 'MessageId')
      if (answer.status === 200 && id !== '') return id
      throw failureOf(answer)
    },
    close: () => undefined,
  }
}

/** Error codes that concern this mail. All others concern the account, or are transient. */
const ABOUT_THE_MESSAGE = new Set(['MessageRejected', 'BadRequestException'])

function failureOf({ status, retryAfterSeconds, errorType, body }: ProviderAnswer): Error {
  const code = (errorType || textAt(body, '__type')).replace(/^.*#|:.*$/g, '')
  // Amazon's own text may repeat the address.
  const why = `ses answered ${status}${code === '' ? '' : ` ${code}`}`
  if (status === 400 && ABOUT_THE_MESSAGE.has(code)) return new PermanentError('mail_refused', why)
  const outcome = status >= 500 && status !== 503 ? 'unknown' : 'refused'
  return new ProviderError('mail_deferred', why, { outcome, retryAfterSeconds })
}
