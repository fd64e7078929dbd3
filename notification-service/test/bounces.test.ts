// What providers tell of mails, in the shapes that their documentation shows, and who is believed.
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { reportsInDsn } from '../channels/dsn.ts'
import { mailNameIn, messageIdOf } from '../channels/ids.ts'
import { mailgunSignature, reportInMailgun } from '../channels/mailgun-hooks.ts'
import { isFromPostmark, reportInPostmark } from '../channels/postmark-hooks.ts'
import { reportsInSes } from '../channels/ses-notices.ts'
import { messageIn } from '../channels/sns.ts'
import { dsn } from './dsn-mail.ts'

const DOMAIN = 'orders.example'
const name = { notificationId: '123.order.paid', generation: 1 }
const messageId = '<123.order.paid.email@orders.example>'

describe('a Message-ID of ours', () => {
  it.each([name, { notificationId: 'a.email', generation: 1 }, { notificationId: 'a', generation: 12 }])(
    '%j',
    (one) => {
      expect(mailNameIn(messageIdOf(one, DOMAIN), DOMAIN)).toEqual(one)
      expect(mailNameIn(messageIdOf(one, DOMAIN).slice(1, -1), DOMAIN)).toEqual(one)
    },
  )

  it.each(['', '<x@y>', '<123.order.paid.email@elsewhere.example>', '<../x.email@orders.example>'])(
    'is not %s',
    (other) => expect(mailNameIn(other, DOMAIN)).toBeUndefined(),
  )
})

describe('SNS', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const topic = 'arn:aws:sns:eu-west-1:123456789012:bounces'
  const certificate = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem'
  const asked: string[] = []
  const fetchText = async (url: string) => {
    asked.push(url)
    return String(publicKey.export({ type: 'spki', format: 'pem' }))
  }
  const base = { MessageId: 'm', TopicArn: topic, Timestamp: '2026-11-21T08:30:00.000Z', SigningCertURL: certificate }
  function signed(fields: Record<string, string>, version: '1' | '2' = '2') {
    const body: Record<string, string> = { ...base, ...fields }
    const names = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
    const text = names.flatMap((one) => (body[one] === undefined ? [] : [`${one}\n${body[one]}\n`])).join('')
    const Signature = createSign(version === '1' ? 'RSA-SHA1' : 'RSA-SHA256')
      .update(text)
      .sign(privateKey, 'base64')
    return { ...body, SignatureVersion: version, Signature }
  }
  const refusal = { status: 403, code: 'signature_refused' }

  it.each(['1', '2'] as const)('is believed by its signature of version %s', async (version) => {
    const body = signed({ Type: 'Notification', Message: '{"a":1}', Subject: 'Amazon SES' }, version)
    expect(await messageIn(body, topic, fetchText)).toBe('{"a":1}')
    await expect(messageIn({ ...body, Message: '{"a":2}' }, topic, fetchText)).rejects.toMatchObject(refusal)
  })

  it('is not believed of another topic, nor by a certificate from elsewhere, which is not even fetched', async () => {
    const body = { Type: 'Notification', Message: 'x' }
    await expect(messageIn(signed(body), `${topic}2`, fetchText)).rejects.toMatchObject(refusal)
    for (const url of [
      'https://sns.eu-west-1.amazonaws.com.evil.example/x.pem',
      'http://sns.eu-west-1.amazonaws.com/x.pem',
      'https://evil.example/sns.eu-west-1.amazonaws.com/x.pem',
      'https://s3.eu-west-1.amazonaws.com/x.pem',
      'https://sns.eu-west-1.amazonaws.com/x',
    ])
      await expect(messageIn(signed({ ...body, SigningCertURL: url }), topic, fetchText)).rejects.toMatchObject(refusal)
    expect(new Set(asked)).toEqual(new Set([certificate]))
    await expect(messageIn(signed(body), topic, async () => 'no certificate')).rejects.toMatchObject(refusal)
    await expect(messageIn('x', topic, fetchText)).rejects.toMatchObject(refusal)
  })

  it('has its subscription confirmed, at Amazon only', async () => {
    const url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t'
    const body = { Type: 'SubscriptionConfirmation', Message: 'You have chosen', Token: 't', SubscribeURL: url }
    expect(await messageIn(signed(body), topic, fetchText)).toBeUndefined()
    expect(asked.at(-1)).toBe(url)
    const elsewhere = signed({ ...body, SubscribeURL: 'https://evil.example/' })
    await expect(messageIn(elsewhere, topic, fetchText)).rejects.toMatchObject(refusal)
  })
})

describe('SES', () => {
  const mail = {
    messageId: '0000014644fe5ef6-9a483358-9170-4cb4-a269-f5dcdf415321-000000',
    tags: { notification: ['123.order.paid'], generation: ['1'] },
    headers: [{ name: 'Message-ID', value: messageId }],
  }
  const bounce = (bounceType: string, bounceSubType: string, status?: string) => ({
    notificationType: 'Bounce',
    bounce: {
      bounceType,
      bounceSubType,
      bouncedRecipients: [{ emailAddress: 'ann@example.org', status, action: 'failed' }],
    },
    mail,
  })

  it.each([
    [bounce('Permanent', 'General', '5.1.1'), 'bounced', true],
    [bounce('Permanent', 'NoEmail'), 'bounced', true],
    [bounce('Permanent', 'General', '5.7.1'), 'bounced', false],
    [bounce('Transient', 'MailboxFull', '5.2.2'), 'soft_bounced', false],
    [{ eventType: 'Delivery', delivery: { recipients: ['ann@example.org'] }, mail }, 'delivered', false],
    [
      {
        notificationType: 'Complaint',
        complaint: { complainedRecipients: [{ emailAddress: 'ann@example.org' }] },
        mail,
      },
      'complained',
      false,
    ],
  ])('%j is %s', (notice, outcome, isAddressGone) => {
    const expected = {
      name,
      outcome,
      provider: 'ses',
      providerId: mail.messageId,
      recipient: 'ann@example.org',
      isAddressGone,
    }
    expect(reportsInSes(notice, DOMAIN)).toMatchObject([expected])
    expect(reportsInSes({ ...notice, mail: { ...mail, tags: undefined } }, DOMAIN)).toMatchObject([expected])
    expect(reportsInSes({ ...notice, mail: { messageId: 'x' } }, DOMAIN)).toEqual([])
  })

  it.each([undefined, 'x', {}, { notificationType: 'Open', mail }])('%j tells nothing', (notice) => {
    expect(reportsInSes(notice, DOMAIN)).toEqual([])
  })
})

describe('Postmark', () => {
  const about = { MessageID: '883953f4', Metadata: { notification: '123.order.paid', generation: '1' } }

  it.each([
    [{ RecordType: 'Bounce', Type: 'HardBounce', TypeCode: 1, Email: 'ann@example.org' }, 'bounced', true],
    [{ RecordType: 'Bounce', Type: 'SpamNotification', Email: 'ann@example.org' }, 'bounced', false],
    [{ RecordType: 'Bounce', Type: 'SoftBounce', Email: 'ann@example.org' }, 'soft_bounced', false],
    [{ RecordType: 'SpamComplaint', Type: 'SpamComplaint', Email: 'ann@example.org' }, 'complained', false],
    [{ RecordType: 'Delivery', Recipient: 'ann@example.org' }, 'delivered', false],
  ])('%j is %s', (hook, outcome, isAddressGone) => {
    const expected = { name, outcome, provider: 'postmark', recipient: 'ann@example.org', isAddressGone }
    expect(reportInPostmark({ ...about, ...hook }, DOMAIN)).toMatchObject(expected)
    expect(reportInPostmark({ ...hook, MessageID: 'x' }, DOMAIN)).toBeUndefined()
  })

  it('is known by the password or by the token, and by nothing less', () => {
    const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`
    const secret = 'sixteen-characters'
    expect(isFromPostmark(secret, basic(`anybody:${secret}`), '')).toBe(true)
    expect(isFromPostmark(secret, '', secret)).toBe(true)
    for (const [header, token] of [
      ['', ''],
      [basic('anybody:'), ''],
      [basic(secret), 'guess'],
      [`Bearer ${secret}`, ''],
    ] as const)
      expect(isFromPostmark(secret, header, token)).toBe(header === basic(secret))
  })
})

describe('Mailgun', () => {
  const key = 'key-0123456789abcdef'
  const timestamp = String(Date.parse('2026-11-21T08:30:00.000Z') / 1_000)
  const signature = (token: string, at = timestamp, by = key) => ({
    timestamp: at,
    token,
    signature: createHmac('sha256', by)
      .update(at + token)
      .digest('hex'),
  })
  const event = {
    event: 'failed',
    severity: 'permanent',
    reason: 'bounce',
    recipient: 'ann@example.org',
    'delivery-status': { code: 550, 'enhanced-code': '5.1.1', message: 'no such user ann@example.org' },
    message: { headers: { 'message-id': messageId.slice(1, -1) } },
    'user-variables': {},
  }

  it.each([
    [event, 'bounced', true],
    [{ ...event, 'delivery-status': { code: 550 } }, 'bounced', false],
    [{ ...event, severity: 'temporary' }, 'deferred', false],
    [{ ...event, event: 'complained' }, 'complained', false],
    [{ ...event, event: 'delivered' }, 'delivered', false],
  ])('%j is %s', (data, outcome, isAddressGone) => {
    const report = reportInMailgun({ 'event-data': data }, DOMAIN)
    expect(report).toMatchObject({ name, outcome, recipient: 'ann@example.org', isAddressGone })
    expect(report?.error ?? '').not.toContain('ann@')
  })

  it('is believed while it is fresh', () => {
    const nowMs = Number(timestamp) * 1_000
    const hook = { signature: signature('t1') }
    expect(mailgunSignature(hook, key, nowMs)).toBe(hook.signature.signature)
    for (const ageMs of [900_000, -900_000]) expect(mailgunSignature(hook, key, nowMs + ageMs)).toBeDefined()
    for (const ageMs of [901_000, -901_000]) expect(mailgunSignature(hook, key, nowMs + ageMs)).toBeUndefined()
    expect(mailgunSignature({ signature: signature('t2', timestamp, 'another key') }, key, nowMs)).toBeUndefined()
    expect(mailgunSignature({ signature: { ...signature('t2'), token: 't3' } }, key, nowMs)).toBeUndefined()
    expect(mailgunSignature({}, key, nowMs)).toBeUndefined()
  })
})

describe('a delivery status notification', () => {
  it.each([
    [{}, 'bounced', true],
    [{ status: '5.2.2' }, 'bounced', false],
    [{ status: '4.4.7' }, 'bounced', false],
    [{ action: 'delayed', status: '4.4.1' }, 'deferred', false],
    [{ action: 'delivered', status: '2.0.0' }, 'delivered', false],
  ])('%j is %s', async (told, outcome, isAddressGone) => {
    const reports = await reportsInDsn(Buffer.from(dsn(told)), DOMAIN)
    const expected = {
      name,
      outcome,
      provider: 'dsn',
      providerId: '4F2A91C0D3',
      recipient: 'ann@example.org',
      isAddressGone,
    }
    expect(reports).toMatchObject([expected])
    expect(reports[0]?.error ?? '').not.toContain('ann@')
  })

  it.each([
    { action: 'failed (permanent)', status: '5.1.1 (no (such) mailbox)' },
    { action: '(said \\) so) failed', finalTo: 'rfc822; <ann@example.org> (Ann; who else)' },
    { finalTo: 'rfc822 (RFC 5321); ann@example.org(Ann)' },
    { id: `${messageId} (added by mx.example.net)` },
  ])('%j, with comments, is as without them', async (told) => {
    const reports = await reportsInDsn(Buffer.from(dsn({ originalTo: '', ...told })), DOMAIN)
    const expected = { name, outcome: 'bounced', recipient: 'ann@example.org', isAddressGone: true }
    expect(reports).toMatchObject([{ ...expected, error: 'dsn: failed 5.1.1' }])
  })

  it('names what is quoted to the letter', async () => {
    const reports = await reportsInDsn(Buffer.from(dsn({ originalTo: '', finalTo: 'rfc822; "a(b)"@b.test' })), DOMAIN)
    expect(reports).toMatchObject([{ recipient: '"a(b)"@b.test' }])
  })

  it.each(['', 'rfc822;', 'rfc822; (ann@example.org)', 'rfc822; Ann <ann@example.org'])(
    'with %j for its recipient names nobody',
    async (finalTo) => {
      const reports = await reportsInDsn(Buffer.from(dsn({ originalTo: '', finalTo })), DOMAIN)
      expect(reports).toMatchObject([{ name, outcome: 'bounced', recipient: undefined }])
    },
  )

  it('with the whole mail returned is read as well', async () => {
    const whole = dsn().replace('text/rfc822-headers', 'message/rfc822').replace('--B--', '\r\nThe mail.\r\n\r\n--B--')
    expect(await reportsInDsn(Buffer.from(whole), DOMAIN)).toMatchObject([{ name, outcome: 'bounced' }])
  })

  it('about somebody else’s mail, or no such mail at all, tells nothing', async () => {
    expect(await reportsInDsn(Buffer.from(dsn({ id: '<x@elsewhere.example>' })), DOMAIN)).toEqual([])
    expect(await reportsInDsn(Buffer.from('Subject: I am away\r\n\r\nUntil Monday.'), DOMAIN)).toEqual([])
    expect(await reportsInDsn(Buffer.from([0, 255, 13, 10, 13, 10, 7]), DOMAIN)).toEqual([])
  })
})
