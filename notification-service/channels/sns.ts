// Verifies messages of Amazon SNS over HTTPS, and confirms the subscription of our topic.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
import { createVerify } from 'node:crypto'
import { RejectedError } from '@orders/shared/runtime'
import { textAt } from './ask-provider.ts'

/** Amazon's hosts only: `https://sns.eu-west-1.amazonaws.com/…`. */
const AMAZON = /^https:\/\/sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?\/[^\s]{0,2000}$/
const SIGNED: Record<string, string[]> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
}
const DIGESTS: Record<string, string> = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' }

/** Fetches the text at one of Amazon's URLs. */
export type Fetch = (url: string) => Promise<string>

/**
 * The message in a notification of our topic. Undefined for messages about the subscription itself, which is confirmed
 * here.
 *
 * @throws RejectedError 403 `signature_refused`; and the errors of `fetchText`.
 */
export async function messageIn(body: unknown, topicArn: string, fetchText: Fetch): Promise<string | undefined> {
  const type = textAt(body, 'Type')
  const fields = SIGNED[type]
  const certificateUrl = textAt(body, 'SigningCertURL')
  const digest = DIGESTS[textAt(body, 'SignatureVersion')]
  if (!fields || !digest || textAt(body, 'TopicArn') !== topicArn || !isOfAmazon(certificateUrl, '.pem'))
    throw refused()
  // A missing field, for example the optional subject, is not signed.
  const signed = fields.flatMap((name) => (isThere(body, name) ? [`${name}\n${textAt(body, name)}\n`] : [])).join('')
  if (!isSignedBy(await fetchText(certificateUrl), digest, signed, textAt(body, 'Signature'))) throw refused()
  if (type === 'Notification') return textAt(body, 'Message')
  const confirmUrl = textAt(body, 'SubscribeURL')
  if (type === 'SubscriptionConfirmation') {
    if (!isOfAmazon(confirmUrl, '')) throw refused()
    await fetchText(confirmUrl)
  }
  return undefined
}

function isSignedBy(certificate: string, digest: string, text: string, signature: string): boolean {
  try {
    return createVerify(digest).update(text).verify(certificate, signature, 'base64')
  } catch {
    // This is not a certificate.
    return false
  }
}

function isOfAmazon(url: string, end: string): boolean {
  return AMAZON.test(url) && new URL(url).pathname.endsWith(end)
}

function isThere(body: unknown, name: string): boolean {
  return typeof body === 'object' && body !== null && Reflect.has(body, name)
}

function refused(): RejectedError {
  return new RejectedError(403, 'signature_refused', 'this is not a message of SES_TOPIC_ARN that Amazon has signed')
}
