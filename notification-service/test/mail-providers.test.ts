// Mails by the APIs of Postmark and Amazon SES, over real HTTP; and by which provider mails go.
import { readConfig } from '@orders/shared/runtime'
import PostalMime from 'postal-mime'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openMailProviders } from '../channels/mail-providers.ts'
import { signed } from '../channels/sigv4.ts'
import { NotificationConfig } from '../config.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { type Answering, startStub } from './stub.ts'
import { set, style } from './templates.ts'

const at = '2026-11-21T08:30:00.000Z'
const { signal } = new AbortController()
const outgoing: Outgoing = {
  notificationId: '123.order.paid',
  eventType: 'order.paid',
  orderId: '123',
  channel: 'email',
  address: 'ann@example.org',
  content: set.render(newsWords('order.paid', '123', { user: 'ann', priority: 'standard' }, style)),
  headers: { 'List-Unsubscribe': '<https://shop.example/u>' },
  createdAt: at,
}

/** AWS's own test suite of Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-test-suite.html */
describe('a signature for AWS', () => {
  const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
  const about = { headers: {}, body: '', service: 'service', region: 'us-east-1' }

  it.each([
    ['get-vanilla', 'GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('%s', (_, method, path, signature) => {
    const request = { ...about, method, url: `https://example.amazonaws.com${path}` }
    expect(signed(request, key, new Date('2015-08-30T12:36:00Z'))).toEqual({
      'x-amz-date': '20150830T123600Z',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    })
  })

  it('is of the body and the token as well', () => {
    const request = { ...about, method: 'POST', url: 'https://example.amazonaws.com/' }
    const now = new Date('2015-08-30T12:36:00Z')
    const all = [
      signed(request, key, now),
      signed({ ...request, body: 'x' }, key, now),
      signed(request, { ...key, sessionToken: 't' }, now),
    ]
    expect(new Set(all.map(({ authorization }) => authorization)).size).toBe(3)
    expect(all[2]).toMatchObject({ 'x-amz-security-token': 't' })
  })
})

async function provider(settings: (url: string) => Record<string, string>, answer: () => Answering) {
  const stub = await startStub(answer)
  onTestFinished(() => stub.close())
  const config = readConfig(NotificationConfig, settings(stub.url))
  const [sender] = openMailProviders(config, () => new Date(at))
  return { stub, sender, fail: () => sender.send(outgoing, signal).catch((error: unknown) => error) }
}
const postmark = (url: string) => ({ POSTMARK_SERVER_TOKEN: 'server-token', POSTMARK_BASE_URL: url })
const ses = (url: string) => ({
  SES_REGION: 'eu-west-1',
  SES_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  SES_SECRET_ACCESS_KEY: 'secret',
  SES_CONFIGURATION_SET: 'bounces',
  SES_BASE_URL: url,
})

describe('Postmark', () => {
  it('is given the mail, its name and its Message-ID, and gives an id', async () => {
    const { stub, sender } = await provider(postmark, () => ({ status: 200, body: { ErrorCode: 0, MessageID: 'p1' } }))
    expect(await sender.send(outgoing, signal)).toBe('p1')
    expect(stub.asked).toMatchObject([
      { method: 'POST', path: '/email', headers: { 'x-postmark-server-token': 'server-token' } },
    ])
    expect(JSON.parse(stub.asked[0]?.body ?? '')).toMatchObject({
      From: 'Orders <orders@example.com>',
      To: 'ann@example.org',
      Subject: outgoing.content.subject,
      HtmlBody: outgoing.content.html,
      Headers: expect.arrayContaining([
        { Name: 'Message-ID', Value: '<123.order.paid.email@orders.example>' },
        { Name: 'List-Unsubscribe', Value: '<https://shop.example/u>' },
      ]),
      Metadata: { notification: '123.order.paid', generation: '1' },
    })
  })

  it.each([
    [422, 406, 'AddressGoneError', 'mail_bounced'],
    [422, 300, 'PermanentError', 'mail_refused'],
    [422, 405, 'ProviderError', 'mail_deferred'],
    [401, 10, 'ProviderError', 'mail_deferred'],
    [429, 0, 'ProviderError', 'mail_deferred'],
    [500, 0, 'ProviderError', 'mail_deferred'],
  ])('answers %i with error %i', async (status, ErrorCode, name, code) => {
    const { fail } = await provider(postmark, () => ({ status, body: { ErrorCode, Message: 'about ann@example.org' } }))
    const failure = await fail()
    expect(failure).toMatchObject({ name, code })
    expect(String(failure)).not.toContain('ann@')
  })
})

describe('SES', () => {
  it('is given the very mail that SMTP would carry, signed, and gives an id', async () => {
    const { stub, sender } = await provider(ses, () => ({ status: 200, body: { MessageId: 's1' } }))
    expect(await sender.send(outgoing, signal)).toBe('s1')
    const [asked] = stub.asked
    expect(asked).toMatchObject({ method: 'POST', path: '/v2/email/outbound-emails' })
    expect(asked?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261121\/eu-west-1\/ses\//)
    const body = JSON.parse(asked?.body ?? '')
    expect(body).toMatchObject({
      Destination: { ToAddresses: ['ann@example.org'] },
      EmailTags: [
        { Name: 'notification', Value: '123.order.paid' },
        { Name: 'generation', Value: '1' },
      ],
      ConfigurationSetName: 'bounces',
    })
    const mail = await PostalMime.parse(Buffer.from(body.Content.Raw.Data, 'base64'))
    expect(mail).toMatchObject({
      subject: outgoing.content.subject,
      messageId: '<123.order.paid.email@orders.example>',
    })
  })

  it.each([
    [400, 'MessageRejected', 'PermanentError', 'mail_refused'],
    [400, 'MailFromDomainNotVerifiedException', 'ProviderError', 'mail_deferred'],
    [400, 'SendingPausedException', 'ProviderError', 'mail_deferred'],
    [403, 'SignatureDoesNotMatch', 'ProviderError', 'mail_deferred'],
    [429, 'TooManyRequestsException', 'ProviderError', 'mail_deferred'],
    [500, '', 'ProviderError', 'mail_deferred'],
  ])('answers %i %s', async (status, type, name, code) => {
    const headers = { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/` }
    const { fail } = await provider(ses, () => ({ status, headers, body: { message: 'about ann@example.org' } }))
    const failure = await fail()
    expect(failure).toMatchObject({ name, code })
    expect(String(failure)).not.toContain('ann@')
  })
})

describe('mails go by', () => {
  const all = { SMTP_URL: 'smtp://127.0.0.1:9', ...postmark('http://127.0.0.1:9'), ...ses('http://127.0.0.1:9') }
  const names = (settings: Record<string, string>) =>
    openMailProviders(readConfig(NotificationConfig, settings), () => new Date(at)).map((sender) => {
      onTestFinished(() => sender.close())
      return sender.provider
    })

  it('all that are configured, or those that are named, in their order', () => {
    expect(names(all)).toEqual(['smtp', 'postmark', 'ses'])
    expect(names({ ...all, EMAIL_PROVIDERS: 'ses,smtp' })).toEqual(['ses', 'smtp'])
  })

  it('nobody that is named without its settings, or has a half of them', () => {
    expect(() => names({ EMAIL_PROVIDERS: 'postmark' })).toThrow(/EMAIL_PROVIDERS names postmark/)
    expect(() => names({ SES_REGION: 'eu-west-1' })).toThrow(/SES_ACCESS_KEY_ID/)
  })
})
