// The rules of a shipment, one by one and in every order of arrival.
import { type Message, registry } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { sequences } from '@orders/shared/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Booking, type Decision, decideBooking, decideDelivery, decideGivenUp, type Shipment } from '../domain.ts'
import { booking, now, paid, refusal, terms } from './examples.ts'

const later = '2026-01-05T10:00:02.000Z'
const nothing = { messages: [] }
const { chargeId: _, totalCents: __, ...ordered } = paid

const book = (shipment: Shipment | undefined, word?: Booking) =>
  decideBooking('1', shipment, { paid, booking: word, terms, now })
const giveUp = (shipment: Shipment | undefined) => decideGivenUp('1', shipment, { paid, now })

function shipmentAfter({ state }: Decision): Shipment {
  if (!state) throw new Error('the decision changed nothing')
  return state
}

function said({ messages }: Decision) {
  return messages.map((message) => ({
    id: message.id,
    data: message.data,
    priority: message.priority,
    expirationMs: message.expirationMs,
  }))
}

const prepared = shipmentAfter(book(undefined, booking))
const failed = shipmentAfter(book(undefined, refusal))
const delivered = shipmentAfter(decideDelivery(prepared, later))
const everything = { prepared, failed, delivered }

describe('payment.success', () => {
  test('where the parcel can be followed is told, whatever its number', () => {
    const trackingUrl = 'https://post.example/{trackingId}?of={trackingId}'
    const word = { outcome: 'booked', trackingId: 'a/b $&', carrier: 'post' } as const
    const { messages } = decideBooking('1', undefined, { paid, booking: word, terms: { ...terms, trackingUrl }, now })
    expect(messages[0]).toMatchObject({
      data: { trackingUrl: 'https://post.example/a%2Fb%20%24%26?of=a%2Fb%20%24%26', carrier: 'post' },
    })
  })

  test('the carrier takes the parcel: prepared, and on the road', () => {
    const decision = book(undefined, booking)
    expect(said(decision)).toEqual([
      {
        id: '1/shipping.prepared',
        data: { trackingId: 'SIM-1', carrier: 'simulated-post' },
        priority: 8,
        expirationMs: undefined,
      },
      { id: '1/shipping.transit', data: {}, priority: undefined, expirationMs: 2_000 },
    ])
    expect(decision.state).toEqual({
      orderId: '1',
      status: 'prepared',
      priority: 'express',
      trackingId: 'SIM-1',
      carrier: 'simulated-post',
      reason: null,
      deliveredAt: null,
      version: 1,
      createdAt: now,
      updatedAt: now,
    })
  })
  test('the carrier refuses: failed', () => {
    const decision = book(undefined, refusal)
    expect(said(decision)).toEqual([
      {
        id: '1/shipping.failed',
        data: { ...ordered, reason: 'address_not_served' },
        priority: 9,
        expirationMs: undefined,
      },
    ])
    expect(decision.state).toMatchObject({ status: 'failed', reason: 'address_not_served', trackingId: null })
  })
  test.each(Object.entries(everything))('nothing the second time, whatever the carrier says: %s', (_, shipment) => {
    expect([book(shipment, booking), book(shipment, refusal), book(shipment)]).toEqual(Array(3).fill(nothing))
  })
  test('a parcel that the carrier was never asked about is a broken invariant', () => {
    expect(() => book(undefined)).toThrow('was not asked')
  })
})

describe('giving up', () => {
  test('the carrier never answered: failed', () => {
    expect(said(giveUp(undefined))).toEqual([
      {
        id: '1/shipping.failed',
        data: { ...ordered, reason: 'carrier_unavailable' },
        priority: 9,
        expirationMs: undefined,
      },
    ])
    expect(giveUp(undefined).state).toMatchObject({ status: 'failed', reason: 'carrier_unavailable' })
  })
  test.each(Object.entries(everything))('respects what was decided meanwhile: %s', (_, shipment) => {
    expect(giveUp(shipment)).toEqual(nothing)
  })
})

describe('the parcel arrives', () => {
  test('delivered, at that moment', () => {
    const decision = decideDelivery(prepared, later)
    expect(said(decision)).toEqual([
      {
        id: '1/shipping.delivered',
        data: { trackingId: 'SIM-1', deliveredAt: later },
        priority: 8,
        expirationMs: undefined,
      },
    ])
    expect(decision.state).toEqual({
      ...prepared,
      status: 'delivered',
      deliveredAt: later,
      version: 2,
      updatedAt: later,
    })
  })
  test.each(Object.entries({ delivered, failed }))(
    'nothing the second time, nor for what never left: %s',
    (_, shipment) => {
      expect(decideDelivery(shipment, later)).toEqual(nothing)
    },
  )
  test('a timer that comes before its shipment changes nothing', () => {
    expect(decideDelivery(undefined, now)).toEqual(nothing)
  })
})

interface World {
  shipment: Shipment | undefined
  said: Message[]
}

const apply = (world: World, { state: shipment = world.shipment, messages }: Decision): World => ({
  shipment,
  said: [...world.said, ...messages],
})
const steps = {
  booked: (world: World) => apply(world, book(world.shipment, booking)),
  refused: (world: World) => apply(world, book(world.shipment, refusal)),
  givenUp: (world: World) => apply(world, giveUp(world.shipment)),
  arrives: (world: World) => apply(world, decideDelivery(world.shipment, later)),
}
type Step = keyof typeof steps
const everyStep = Object.keys(steps) as Step[]
const walk = (path: readonly Step[]) =>
  path.reduce<World>((at, step) => steps[step](at), { shipment: undefined, said: [] })

/** The first decision is the only one, and each thing is said once. */
function check(path: readonly Step[]): void {
  const { shipment, said } = walk(path)
  const decisionAt = path.findIndex((step) => step !== 'arrives')
  const decision = path[decisionAt]
  const arrived = decisionAt !== -1 && path.slice(decisionAt).includes('arrives')
  const expected = {
    none: [],
    booked: ['shipping.prepared', 'shipping.transit', ...(arrived ? ['shipping.delivered'] : [])],
    refused: ['shipping.failed'],
    givenUp: ['shipping.failed'],
    arrives: [],
  }[decision ?? 'none']
  const status = { 0: undefined, 1: 'failed', 2: 'prepared', 3: 'delivered' }[expected.length]
  expect([said.map(({ type }) => type), shipment?.status], path.join(', ')).toEqual([expected, status])
}

test('every order of arrival, with repeats, up to six', () => {
  const all = sequences(everyStep, 6)
  expect(all.length).toBe(5_461)
  for (const path of all) check(path)
})

test('long ways end the same, and every message fits its contract', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...everyStep), { minLength: 6, maxLength: 40 }), (path) => {
      check(path)
      for (const message of walk(path).said) encode(registry, message, 'shipping-service', {})
    }),
  )
})
