// Who is told what by which channels, and what a channel's answer means.
import { amqpPriority, isEmail } from '@orders/shared/contracts'
import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { defaultAddress } from '../addresses.ts'
import { accepted, type Delivery, refused } from '../deliveries/domain.ts'
import { statusOf } from '../deliveries/status.ts'
import { channelsOf } from '../domain.ts'
import { requested } from '../holding/domain.ts'
import { directNotification, fingerprintOf } from '../intake/domain.ts'
import { notificationOf } from '../orders/domain.ts'
import type { Told } from '../orders/words.ts'
import { type NewsType, newsTemplates } from '../templates/schemas.ts'
import { set, style } from './templates.ts'

const at = '2026-11-21T08:30:00.000Z'
const newsTypes = Object.keys(newsTemplates) as NewsType[]
const told: Told = {
  user: 'gayal',
  priority: 'standard',
  lines: [
    { sku: 'item1', quantity: 2, unitPriceCents: 1000 },
    { sku: 'item2', quantity: 1, unitPriceCents: 500 },
  ],
  totalCents: 2500,
}

describe('a notification', () => {
  it('is known by the order and the news, and asks for its channels in one message', () => {
    const contact = { email: 'g@example.org', phone: '+94 11 234', push: 'token', webhook: 'https://example.org/hook' }
    const notification = notificationOf({ type: 'order.paid', orderId: '123', told: { ...told, contact } }, style, at)
    expect(notification).toMatchObject({
      id: '123.order.paid',
      orderId: '123',
      eventType: 'order.paid',
      category: 'order',
      addresses: { email: 'g@example.org', sms: '+94 11 234', push: 'token', webhook: 'https://example.org/hook' },
    })
    expect(requested(notification, channelsOf(notification), at)).toEqual({
      id: '123/notification.requested/order.paid',
      type: 'notification.requested',
      version: 1,
      subject: '123',
      time: at,
      data: { notificationId: '123.order.paid', channels: ['email', 'sms', 'push', 'webhook'] },
      priority: amqpPriority.standard,
      exchange: 'notification.exchange',
      routingKey: 'notification.requested.email.sms.push.webhook',
    })
  })

  it('goes by the channels in the contact only, and by e-mail where there is none', () => {
    const addressesOf = (contact: Told['contact']) =>
      notificationOf({ type: 'order.created', orderId: '1', told: { ...told, ...(contact && { contact }) } }, style, at)
        .addresses
    expect(addressesOf({ phone: '+94 11 234' })).toEqual({ sms: '+94 11 234' })
    expect(addressesOf({})).toEqual({ email: 'gayal@example.com' })
    expect(addressesOf(undefined)).toEqual({ email: 'gayal@example.com' })
  })

  it('goes first when the customer has to know now', () => {
    const priorities = newsTypes.map((type) => [type, notificationOf({ type, orderId: '1', told }, style, at).priority])
    expect(Object.fromEntries(priorities)).toEqual({
      'order.created': amqpPriority.standard,
      'order.paid': amqpPriority.standard,
      'order.shipped': amqpPriority.standard,
      'order.completed': amqpPriority.standard,
      'order.cancelled': amqpPriority.failure,
      'payment.confirmation_required': amqpPriority.failure,
      'payment.refunded': amqpPriority.standard,
    })
    const express = notificationOf(
      { type: 'order.paid', orderId: '1', told: { ...told, priority: 'express' } },
      style,
      at,
    )
    expect(express.priority).toBe(amqpPriority.express)
  })

  it('keeps what its words follow from: the template, its data and the version of the files', () => {
    const contact = { locale: 'de-AT' }
    expect(notificationOf({ type: 'order.paid', orderId: '123', told: { ...told, contact } }, style, at).words).toEqual(
      {
        template: 'order.paid',
        version: set.version,
        locale: 'de-AT',
        currency: 'EUR',
        timeZone: 'UTC',
        data: {
          orderId: '123',
          name: null,
          orderUrl: null,
          lines: [
            { sku: 'item1', name: null, quantity: 2, unitPriceCents: 1000, totalCents: 2000 },
            { sku: 'item2', name: null, quantity: 1, unitPriceCents: 500, totalCents: 500 },
          ],
          totalCents: 2500,
          address: [],
        },
      },
    )
  })

  it('links to the shop’s pages, and only to pages of the web', () => {
    const shop = { ...style, orderUrl: 'https://shop.example/orders/{orderId}?from=mail' }
    const dataOf = (type: NewsType, more: Partial<Told> = {}, by: typeof shop & { paymentUrl?: string } = shop) =>
      notificationOf({ type, orderId: '123', told: { ...told, confirmBefore: at, ...more } }, by, at).words.data
    const orderUrl = 'https://shop.example/orders/123?from=mail'
    expect(dataOf('order.created')).toMatchObject({ orderUrl })
    expect(dataOf('payment.confirmation_required')).toMatchObject({ orderUrl, paymentUrl: orderUrl })
    const payingElsewhere = { ...shop, paymentUrl: 'https://pay.example/{orderId}' }
    expect(dataOf('payment.confirmation_required', {}, payingElsewhere)).toMatchObject({
      orderUrl,
      paymentUrl: 'https://pay.example/123',
    })
    const trackingUrl = 'https://parcel.example/1'
    expect(dataOf('order.shipped', { trackingUrl })).toMatchObject({ trackingUrl })
    expect(dataOf('order.shipped', { trackingUrl: 'javascript:alert(1)' })).toMatchObject({ trackingUrl: null })
  })

  it('greets by the name that the customer gave, and never by what the shop knows them as', () => {
    const textFor = (more: Partial<Told>) => {
      const news = {
        type: 'order.paid',
        orderId: '1',
        told: { ...told, user: 'you have won EUR 500', ...more },
      } as const
      return set.render(notificationOf(news, style, at).words).text
    }
    expect(textFor({})).toContain('Hello,\n')
    expect(textFor({})).not.toContain('you have won')
    expect(textFor({ name: 'Gayal' })).toContain('Hello Gayal,\n')
  })

  it('is in the currency of the order, and in the service’s own where the event names none', () => {
    const currencyOf = (more: Partial<Told>) =>
      notificationOf({ type: 'order.paid', orderId: '1', told: { ...told, ...more } }, style, at).words.currency
    expect(currencyOf({ currency: 'JPY' })).toBe('JPY')
    expect(currencyOf({})).toBe('EUR')
  })

  it('is read on the customer’s clock and in the customer’s language, where the order names no other', () => {
    const wordsFor = (more: Partial<Told>) => {
      const news = { type: 'order.paid', orderId: '1', told: { ...told, ...more } } as const
      return notificationOf(news, style, at, { locale: 'de-AT', timeZone: 'Europe/Vienna' }).words
    }
    expect(wordsFor({})).toMatchObject({ locale: 'de-AT', timeZone: 'Europe/Vienna' })
    expect(wordsFor({ contact: { locale: 'en-GB' } })).toMatchObject({ locale: 'en-GB', timeZone: 'Europe/Vienna' })
  })

  it('says why an order is cancelled and what becomes of the money, for a reason nobody foresaw too', () => {
    const cancelled = (reason: string) => {
      const news = { type: 'order.cancelled', orderId: '1', told: { ...told, reason } } as const
      return set.render(notificationOf(news, style, at).words).text
    }
    expect(cancelled('declined')).toContain('Your bank or card company declined the payment')
    expect(cancelled('declined')).toContain('You have not been charged.')
    expect(cancelled('address_not_served')).toContain('The amount you paid, €25.00, goes back the way you paid it.')
    expect(cancelled('toString')).toContain('We are sorry: we cannot deliver your order 1')
    expect(cancelled('toString')).toContain('If you have been charged, the full amount goes back')
  })

  it('says of a refund how much, for what and why, once for each', () => {
    const lines = [{ sku: 'cup', name: 'Cup', quantity: 1, unitPriceCents: 990 }]
    const refunded = (reason: string, more: Partial<Told> = {}) => ({
      type: 'payment.refunded' as const,
      detail: 're_1',
      orderId: '1',
      told: { ...told, totalCents: 990, lines, reason, ...more },
    })
    const broken = notificationOf(refunded('One cup arrived broken.'), style, at)
    expect(broken).toMatchObject({ id: '1.payment.refunded.re_1', category: 'payment' })
    const { subject, text } = set.render(broken.words)
    expect(subject).toBe('€9.90 for order 1 is refunded')
    for (const said of ['One cup arrived broken.', '* Cup\n  1 × €9.90 = €9.90', 'Refund: €9.90'])
      expect(text).toContain(said)
    const refusedByCarrier = notificationOf(refunded('address_not_served', { lines: [] }), style, at)
    expect(set.render(refusedByCarrier.words).text).toContain('The carrier does not deliver to your address')
  })

  it('has data that fit its template, however little the event knows', () => {
    const little = { user: 'gayal', priority: 'standard', confirmBefore: at, totalCents: 1 } as const
    for (const type of newsTypes) {
      const { data } = notificationOf({ type, orderId: '1', told: little }, style, at).words
      const known = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null))
      expect([...Compile(newsTemplates[type].data).Errors(known)], type).toEqual([])
    }
  })
})

/** The unit `binary` of fast-check, but for the table of all of them that it builds first, which takes a second. */
const anyCharacter = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((codePoint) => String.fromCodePoint(codePoint))

describe('the address of somebody who gave none', () => {
  it.each([
    ['gayal', 'gayal@example.com'],
    ['anna.smith+shop', 'anna.smith+shop@example.com'],
    ['bob@shop.example', 'bob@shop.example'],
  ])('of %s is %s', (user, address) => {
    expect(defaultAddress(user, 'example.com')).toBe(address)
  })

  it('is a valid address for any name, always the same, and never the same for two names', () => {
    const user = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(user, user, (one, other) => {
        const address = defaultAddress(one, 'example.com')
        expect(isEmail(address)).toBe(true)
        expect(address.slice(0, address.lastIndexOf('@')).length).toBeLessThanOrEqual(Math.max(64, one.length))
        expect(defaultAddress(one, 'example.com')).toBe(address)
        if (one !== other) expect(defaultAddress(other, 'example.com')).not.toBe(address)
      }),
    )
    expect(defaultAddress('jürgen', 'example.com')).not.toBe(defaultAddress('jurgen', 'example.com'))
  })
})

describe('a delivery', () => {
  const waiting: Delivery = {
    notificationId: '123.order.paid',
    subject: '123',
    eventType: 'order.paid',
    channel: 'email',
    status: 'waiting',
    generation: 1,
  }
  const receipt = { provider: 'smtp', providerId: '<1@x>' }

  it('is sent when a provider took it, and says so', () => {
    const { change, messages } = accepted(waiting, receipt, at)
    expect(change).toEqual({ status: 'sent', ...receipt })
    expect(messages).toMatchObject([
      {
        id: '123/notification.sent/order.paid.email',
        data: { notificationId: '123.order.paid', channel: 'email', ...receipt },
      },
    ])
  })

  it('does nothing when it is sent already', () => {
    expect(accepted({ ...waiting, status: 'sent' }, receipt, at)).toEqual({ messages: [] })
    expect(refused({ ...waiting, status: 'sent' }, 'no', at)).toEqual({ messages: [] })
  })

  it('fails when it is given up, and says so once', () => {
    expect(refused(waiting, 'mail_refused: no', at)).toMatchObject({
      change: { status: 'failed', error: 'mail_refused: no' },
      messages: [{ id: '123/notification.failed/order.paid.email', data: { reason: 'mail_refused: no' } }],
    })
    expect(refused({ ...waiting, status: 'failed' }, 'still no', at)).toEqual({
      change: { status: 'failed', error: 'still no' },
      messages: [],
    })
  })

  it('can still be sent after a failure', () => {
    expect(accepted({ ...waiting, status: 'failed' }, receipt, at).messages).toHaveLength(1)
  })

  it('counts as its weakest channel', () => {
    expect(statusOf([{ status: 'sent' }, { status: 'sent' }])).toBe('sent')
    expect(statusOf([{ status: 'sent' }, { status: 'waiting' }])).toBe('waiting')
    expect(statusOf([{ status: 'failed' }, { status: 'waiting' }])).toBe('failed')
  })
})

describe('a direct notification', () => {
  const wanted = { subject: 'Hi', body: 'One.\n\nTwo,\nthree.' }
  const request = { to: { email: 'a@example.org' }, wanted, locale: undefined, priority: 'urgent' } as const

  it('is about itself and says what was written', () => {
    const notification = directNotification('n1', request, undefined, style, at)
    expect(notification).toMatchObject({ id: 'n1', subject: 'n1', orderId: null, eventType: 'direct', priority: 9 })
    expect(set.render(notification.words)).toMatchObject({
      subject: 'Hi',
      text: expect.stringMatching(/^Hi\n\nOne\.\n\nTwo,\nthree\.\n/),
    })
    expect(requested(notification, channelsOf(notification), at).id).toBe('n1/notification.requested/direct')
  })

  it('is the same whatever the order of its fields, and another when anything differs', () => {
    const { priority, to } = request
    const reordered = { priority, wanted: { body: wanted.body, subject: wanted.subject }, to, locale: undefined }
    expect(fingerprintOf(reordered)).toBe(fingerprintOf(request))
    const others = [
      { ...request, wanted: { ...wanted, subject: 'Ho' } },
      { ...request, to: { phone: 'a@example.org' } },
      { ...request, locale: 'de' },
      { ...request, wanted: { template: 'order.paid', data: { orderId: '1' } } },
      { ...request, wanted: { template: 'order.paid', data: { orderId: '2' } } },
    ]
    expect(new Set([request, ...others].map(fingerprintOf)).size).toBe(6)
  })
})
