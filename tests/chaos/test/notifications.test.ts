// The judge of a run of notifications notices each kind of fault, and excuses only what the window explains.
import { describe, expect, it } from 'vitest'
import {
  allAreSent,
  allArrived,
  arrivedOnce,
  type DeliveryRow,
  failuresAreKept,
  type Letter,
  type Wanted,
} from '../notifications/judge.ts'
import type { Taken } from '../notifications/providers.ts'

const wanted: Wanted[] = [
  { id: 'n-1.order.paid', channel: 'email', recipient: 'n-1@example.com' },
  { id: 'n-2.order.paid', channel: 'sms', recipient: '+491' },
]
const row = (number: number, channel: string, change: Partial<DeliveryRow> = {}): DeliveryRow => ({
  notification_id: `n-${number}.order.paid`,
  channel,
  status: 'sent',
  error: null,
  ...change,
})
const rows = [row(1, 'email'), row(2, 'sms')]
const failed = [row(1, 'email', { status: 'failed', error: 'mail_refused: 554' }), row(2, 'sms')]
const letter: Letter = { queue: 'notification.email.dlq', id: 'n-1/notification.requested/order.paid' }
const once: Taken[] = [{ atMs: 1_000, told: true }]
const twice = (told: boolean): Map<string, Taken[]> =>
  new Map([
    [
      'email n-1@example.com',
      [
        { atMs: 1_000, told },
        { atMs: 60_000, told: true },
      ],
    ],
  ])
const taken = new Map([
  ['email n-1@example.com', once],
  ['sms +491', once],
])
const alive = { atMs: [], underWayMax: 32 }

it('passes what is right', () => {
  expect(failuresAreKept(failed, [letter]).violations).toEqual([])
  expect(allAreSent(wanted, rows, []).violations).toEqual([])
  expect(allArrived(wanted, taken).violations).toEqual([])
  expect(arrivedOnce(taken, alive).violations).toEqual([])
})

describe('fails', () => {
  it.each([
    ['a failure without a reason', [row(1, 'email', { status: 'failed' })], [letter], /no reason/],
    ['a failure without a dead letter', failed, [], /no dead letter/],
    ['a dead letter of nothing', [...failed, row(3, 'sms')], [letter, { ...letter, id: 'n-9' }], /neither failed nor/],
    ['what waits for ever', [...failed, row(3, 'sms', { status: 'waiting' })], [letter], /waits still/],
  ])('%s', (_, some, letters, what) => {
    expect(failuresAreKept(some, letters).violations).toEqual([expect.stringMatching(what)])
  })

  it('what was never sent, and what is in the dead letters still', () => {
    expect(allAreSent(wanted, failed, [letter]).violations).toHaveLength(2)
  })

  it('what never arrived, and what nobody asked for', () => {
    expect(allArrived(wanted, new Map([['push device-1', once]])).violations).toHaveLength(3)
  })

  it('a repeat that no death explains, and more of them than one can', () => {
    expect(arrivedOnce(twice(true), alive).violations).toHaveLength(1)
    expect(arrivedOnce(twice(true), { atMs: [50_000], underWayMax: 32 }).violations).toHaveLength(1)
    expect(arrivedOnce(twice(true), { atMs: [1_500], underWayMax: 0 }).violations).toHaveLength(1)
  })

  it('where nothing was at stake', () => {
    expect(arrivedOnce(new Map(), alive).passed).toBe(false)
  })
})

it('excuses a repeat whose first yes was never told, or whose caller died at that moment', () => {
  expect(arrivedOnce(twice(false), alive).violations).toEqual([])
  expect(arrivedOnce(twice(true), { atMs: [1_500], underWayMax: 32 }).violations).toEqual([])
})
