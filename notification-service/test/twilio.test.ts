// SMS against a server that answers in Twilio's published forms.
import { PermanentError } from '@orders/shared/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { AddressGoneError, ProviderError } from '../channels/sender.ts'
import { isSignedByTwilio, openTwilio } from '../channels/twilio.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { type Answering, type Stub, startStub } from './stub.ts'
import { set, style } from './templates.ts'

const signal = new AbortController().signal
let stub: Stub
afterEach(() => stub.close())

const outgoing: Outgoing = {
  notificationId: '123.order.paid',
  eventType: 'order.paid',
  orderId: '123',
  channel: 'sms',
  address: '+94 11 234-5678',
  content: set.render(newsWords('order.paid', '123', { user: 'gayal', priority: 'standard', totalCents: 2500 }, style)),
  createdAt: '2026-11-21T08:30:00.000Z',
}
const TEXT = 'Your payment of €25.00 for order 123 has arrived.'

async function twilio(answer: Answering, { from = '+15005550006', timeoutMs = 10_000 } = {}) {
  stub = await startStub(() => answer)
  const callbackUrl = 'https://notify.example.com'
  return openTwilio(
    'twilio',
    { accountSid: 'AC1', authToken: 'secret', from, baseUrl: stub.url, callbackUrl },
    timeoutMs,
  )
}
const error = (status: number, code: number, headers = {}) => ({
  status,
  headers,
  body: { code, message: "The 'To' number +94112345678 is not valid.", more_info: '', status },
})
const failureAt = async (answer: Answering, timeoutMs?: number, of: Outgoing = outgoing) =>
  (await twilio(answer, { ...(timeoutMs !== undefined && { timeoutMs }) }))
    .send(of, signal)
    .catch((thrown: unknown) => thrown)

it('asks for one message, and for word of what becomes of it', async () => {
  const sender = await twilio({ status: 201, body: { sid: 'SM1', status: 'queued' } })
  expect(await sender.send(outgoing, signal)).toBe('SM1')
  const [asked] = stub.asked
  expect(asked).toMatchObject({
    method: 'POST',
    path: '/2010-04-01/Accounts/AC1/Messages.json',
    headers: { authorization: `Basic ${Buffer.from('AC1:secret').toString('base64')}` },
  })
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
    To: '+94112345678',
    From: '+15005550006',
    Body: TEXT,
    StatusCallback: 'https://notify.example.com/callbacks/twilio?notification=123.order.paid',
  })
})

it('goes by a messaging service where that is configured', async () => {
  const sender = await twilio({ status: 201, body: { sid: 'SM1' } }, { from: 'MG1' })
  await sender.send(outgoing, signal)
  const form = new URLSearchParams(stub.asked[0]?.body)
  expect([form.get('MessagingServiceSid'), form.get('From')]).toEqual(['MG1', null])
})

describe('an answer', () => {
  it.each([
    ['a number that is none', error(400, 21211), PermanentError, 'sms_refused'],
    ['a landline', error(400, 21614), PermanentError, 'sms_refused'],
    ['a country that is switched off', error(400, 21408), PermanentError, 'sms_refused'],
    ['a customer who said STOP', error(400, 21610), AddressGoneError, 'unsubscribed'],
    ['a wrong token', error(401, 20003), ProviderError, 'sms_deferred'],
    ['a sender that is not ours', error(400, 21606), ProviderError, 'sms_deferred'],
    ['too many at once', error(429, 20429), ProviderError, 'sms_deferred'],
    ['a proxy’s page', { status: 502, headers: { 'content-type': 'text/html' } }, ProviderError, 'sms_deferred'],
    ['success without an id', { status: 201, body: {} }, ProviderError, 'sms_deferred'],
  ])('of %s', async (_, answer, kind, code) => {
    const failure = await failureAt(answer)
    expect(failure).toBeInstanceOf(kind)
    expect(failure).toMatchObject({ code })
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/94112345678|secret/)
  })

  it('says how long to wait, and whether the message may have been taken', async () => {
    const refused = { outcome: 'refused' }
    expect(await failureAt(error(429, 20429, { 'retry-after': '7' }))).toMatchObject({
      ...refused,
      retryAfterSeconds: 7,
    })
    await stub.close()
    expect(await failureAt({ status: 503 })).toMatchObject(refused)
    await stub.close()
    expect(await failureAt({ status: 500 })).toMatchObject({ outcome: 'unknown' })
    await stub.close()
    expect(await failureAt({ status: 201, silent: true }, 200)).toMatchObject({ outcome: 'unknown' })
    await stub.close()
    expect(await failureAt({ status: 201, hangsUp: true })).toMatchObject({ outcome: 'unknown' })
  })

  it('that nobody gave is a refusal where nobody listens', async () => {
    const sender = await twilio({ status: 201 })
    await stub.close()
    await expect(sender.send(outgoing, signal)).rejects.toMatchObject({ outcome: 'refused' })
  })
})

it.each(['gayal', '011 234 5678', '+0112345678', '+1'])('%s is no number, and nobody is asked', async (address) => {
  expect(await failureAt({ status: 201 }, undefined, { ...outgoing, address })).toMatchObject({ code: 'bad_address' })
  expect(stub.asked).toEqual([])
})

describe('what was asked before', () => {
  const since = '2026-11-21T08:30:00.000Z'
  const message = (sid: string, body: string, date_created: string) => ({ sid, body, date_created })
  const find = async (...messages: object[]) => {
    const sender = await twilio({ status: 200, body: { messages } })
    return sender.find?.(outgoing, since, signal)
  }

  it('is found by its number, its words and its time', async () => {
    const found = await find(
      message('SM3', 'Order 123 has arrived', 'Sat, 21 Nov 2026 08:30:05 +0000'),
      message('SM2', `Sent from your trial account - ${TEXT}`, 'Sat, 21 Nov 2026 08:30:01 +0000'),
    )
    expect(found).toBe('SM2')
    expect(stub.asked[0]?.path).toBe('/2010-04-01/Accounts/AC1/Messages.json?To=%2B94112345678&PageSize=50')
  })

  it('is found by the whole characters that were sent of a long text', async () => {
    const long = { ...outgoing, content: { ...outgoing.content, short: `${'x'.repeat(1_599)}😀 and more` } }
    const sender = await twilio({ status: 201, body: { sid: 'SM1' } })
    await sender.send(long, signal)
    const body = new URLSearchParams(stub.asked[0]?.body).get('Body') ?? ''
    expect(body).toBe('x'.repeat(1_599))
    await stub.close()
    const asking = await twilio({
      status: 200,
      body: { messages: [message('SM1', body, 'Sat, 21 Nov 2026 08:30:05 +0000')] },
    })
    expect(await asking.find?.(long, since, signal)).toBe('SM1')
  })

  it('is not found among older or other ones', async () => {
    expect(await find(message('SM1', TEXT, 'Sat, 21 Nov 2026 08:00:00 +0000'))).toBe(undefined)
    await stub.close()
    expect(await find()).toBe(undefined)
  })

  it('is an open question while Twilio does not answer', async () => {
    const sender = await twilio({ status: 500 })
    await expect(sender.find?.(outgoing, since, signal)).rejects.toBeInstanceOf(ProviderError)
  })
})

it('a callback’s signature is that of Twilio’s own example, and of no other', async () => {
  stub = await startStub(() => ({ status: 200 }))
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2'
  const form = {
    To: '+18005551212',
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
  }
  const signature = 'RSOYDt4T1cUTdK1PDd93/VVr8B8='
  expect(isSignedByTwilio('12345', url, form, signature)).toBe(true)
  expect(isSignedByTwilio('12346', url, form, signature)).toBe(false)
  expect(isSignedByTwilio('12345', `${url}3`, form, signature)).toBe(false)
  expect(isSignedByTwilio('12345', url, { ...form, Digits: '1235' }, signature)).toBe(false)
  expect(isSignedByTwilio('12345', url, form, '')).toBe(false)
})
