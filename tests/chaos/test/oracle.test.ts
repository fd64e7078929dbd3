// The oracle can fail: each fault it is there to find is planted into a good snapshot, and exactly the checks that must
// find it do.
import { describe, expect, it } from 'vitest'
import { files } from '../../architecture/source.ts'
import { type CheckName, checks, judge } from '../oracle/judge.ts'
import type { Snapshot } from '../oracle/snapshot.ts'
import { takenByStandIns } from '../stand-ins.ts'
import { goodSnapshot } from './good-snapshot.ts'

const failing = (snapshot: Snapshot) => judge(snapshot).flatMap(({ name, passed }) => (passed ? [] : [name]))

function without<T>(rows: T[], isPlanted: (row: T) => boolean): void {
  const at = rows.findIndex(isPlanted)
  expect(at).toBeGreaterThanOrEqual(0)
  rows.splice(at, 1)
}

function the<T>(rows: T[], isMeant: (row: T) => boolean): T {
  const found = rows.find(isMeant)
  if (!found) throw new Error('the good snapshot does not hold what is to be spoilt')
  return found
}

/** Takes an event out without a trace, as if it had never been published. */
function drop(snapshot: Snapshot, id: string): void {
  without(snapshot.events, (event) => event.id === id)
  snapshot.tree.entries -= 1
}

function add(snapshot: Snapshot, id: string): void {
  const [subject = '', type = ''] = id.split('/')
  snapshot.events.push({ sequence: snapshot.events.length + 1, id, type, subject })
  snapshot.tree.entries += 1
}

const REMINDER = 'good/notification.requested/reminder.1'
const EXPIRES_MS = Date.parse('2026-01-01T10:00:00.000Z')
const iso = (ms: number) => new Date(ms).toISOString()

/** A reminder that was asked for, and whose mail came to this. */
function reminded(snapshot: Snapshot, status: string, updatedMs = EXPIRES_MS): void {
  const id = 'good.reminder.1'
  const about = { id, subject: 'good', order_id: 'good', event_type: 'reminder.1', channels: 1 }
  snapshot.notifications.push({ ...about, created_at: '', expires_at: iso(EXPIRES_MS) })
  snapshot.deliveries.push({ notification_id: id, channel: 'email', status, updated_at: iso(updatedMs) })
  add(snapshot, REMINDER)
  the(snapshot.events, (event) => event.id === REMINDER).data = { channels: ['email'] }
  add(snapshot, `good/notification.${status}/reminder.1.email`)
}

/** Its request waited until its time was over, or it was given up `shiftMs` before. */
const expired = (snapshot: Snapshot, shiftMs: number) => reminded(snapshot, 'expired', EXPIRES_MS + shiftMs)

/** Its request waited until this news had made it needless. */
function superseded(snapshot: Snapshot, by: string): void {
  reminded(snapshot, 'superseded')
  the(snapshot.deliveries, ({ status }) => status === 'superseded').superseded_by = by
}

const order = (id: string) => (row: { order_id: string | null }) => row.order_id === id

const plants: [string, CheckName[], (snapshot: Snapshot) => void][] = [
  [
    'an order that was answered 202 is lost before anybody heard of it',
    ['taken'],
    ({ asked }) => asked.push({ action: 'place', orderId: 'lost', status: 202, lines: [] }),
  ],
  [
    'an order that nobody placed',
    ['taken'],
    (snapshot) => {
      snapshot.orders.push({ order_id: 'ghost', status: 'cancelled', reason: 'declined', total_cents: 0 })
      snapshot.facts.push({ order_id: 'ghost', type: 'payment.failed' })
      add(snapshot, 'ghost/payment.failed')
      add(snapshot, 'ghost/order.cancelled')
      snapshot.notifications.push({
        id: 'ghost.order.cancelled',
        subject: 'ghost',
        order_id: 'ghost',
        event_type: 'order.cancelled',
        channels: 0,
        created_at: '',
        expires_at: null,
      })
      snapshot.reservations.push({ order_id: 'ghost', outcome: null, facts: '["payment.failed"]' })
      add(snapshot, 'ghost/notification.requested/order.cancelled')
    },
  ],
  ['an order twice', ['taken'], ({ orders }) => orders.push(the(orders, order('empty')))],
  ['a fact twice', ['taken'], ({ facts }) => facts.push(the(facts, order('empty')))],
  [
    'a repeat that made another order',
    ['answers'],
    ({ asked }) => {
      the(asked, ({ action }) => action === 'repeat').answeredId = 'another'
    },
  ],
  [
    'another body under the same key that was taken',
    ['answers'],
    ({ asked }) => {
      the(asked, ({ action }) => action === 'repeat-changed').status = 202
    },
  ],
  [
    'a service without a database that answers 500',
    ['answers'],
    ({ asked }) => asked.push({ action: 'look', orderId: 'order', status: 500 }),
  ],
  [
    'a service without a database that never answers',
    ['answers'],
    ({ asked }) => asked.push({ action: 'look', orderId: 'order', status: 0 }),
  ],
  [
    'an order that was refused',
    ['answers'],
    ({ asked }) => {
      asked.push({ action: 'place', orderId: 'item1', status: 400, code: 'invalid_input' })
    },
  ],
  [
    'an order that is cancelled for a price, and expected none',
    ['rightlyBlamed'],
    ({ orders }) => {
      the(orders, order('declined')).reason = 'price_changed'
    },
  ],
  [
    'another total than its customer agreed to that is charged',
    ['charged'],
    ({ asked }) => {
      the(asked, ({ orderId }) => orderId === 'good').expectedTotalCents = 1_999
    },
  ],
  [
    'an order whose status is not what its facts say',
    ['ended'],
    ({ orders }) => {
      the(orders, order('declined')).status = 'reserved'
    },
  ],
  [
    'an order that ended both ways',
    ['ended', 'factsHaveEvents'],
    ({ facts }) => {
      facts.push({ order_id: 'good', type: 'payment.failed' })
    },
  ],
  [
    'an order that was cancelled for a carrier that serves',
    ['rightlyBlamed'],
    ({ orders }) => {
      the(orders, order('declined')).reason = 'carrier_unavailable'
    },
  ],
  [
    'goods that vanished',
    ['stockAddsUp'],
    ({ stock }) => {
      the(stock, () => true).available -= 1
    },
  ],
  [
    'goods sold twice',
    ['soldIsDelivered'],
    ({ stock }) => {
      const shelf = the(stock, () => true)
      shelf.available -= 2
      shelf.committed += 2
    },
  ],
  [
    'goods set aside for ever',
    ['soldIsDelivered'],
    ({ stock }) => {
      const shelf = the(stock, () => true)
      shelf.available -= 2
      shelf.reserved += 2
    },
  ],
  [
    'a SKU that is gone',
    ['stockAddsUp'],
    ({ stockBefore }) => {
      stockBefore.push({ sku: 'gone', unit_price_cents: 1, available: 0, reserved: 0, committed: 0, restocks: 0 })
    },
  ],
  [
    'stock that was negative for a moment',
    ['neverNegative'],
    ({ stockLooks }) => {
      stockLooks.negative.push('item1: -1, 0, 0 over HTTP')
    },
  ],
  [
    'a charge under a second key',
    ['charged'],
    ({ charges }) => {
      charges.push({ ...the(charges, ({ key }) => key === 'good'), key: 'good#2', charge_id: 'ch_good#2' })
    },
  ],
  [
    'a charge of another amount',
    ['charged'],
    ({ charges }) => {
      the(charges, ({ key }) => key === 'good').amount_cents = 4_000
    },
  ],
  [
    'a cancelled order whose money was kept',
    ['charged'],
    ({ charges }) => {
      the(charges, ({ key }) => key === 'refused').status = 'charged'
    },
  ],
  [
    'a completed order that was never charged',
    ['charged'],
    ({ charges }) => {
      without(charges, ({ key }) => key === 'good')
    },
  ],
  ['an event twice in the log', ['eventsOnce'], (snapshot) => add(snapshot, 'good/order.paid')],
  [
    'a broken tree of hashes',
    ['eventsOnce'],
    ({ tree }) => {
      tree.brokenAt = 3
    },
  ],
  ['an event that was dropped', ['factsHaveEvents'], (snapshot) => drop(snapshot, 'good/inventory.committed')],
  ['the last event of an order dropped', ['factsHaveEvents'], (snapshot) => drop(snapshot, 'empty/order.cancelled')],
  [
    'a restock that nobody said',
    ['stockAddsUp', 'factsHaveEvents'],
    (snapshot) => drop(snapshot, 'item1/inventory.restocked/1'),
  ],
  [
    'a state change without its event',
    ['factsHaveEvents'],
    ({ shipments }) => {
      shipments.push({ order_id: 'declined', status: 'prepared' })
    },
  ],
  ['an event without its state change', ['eventsHaveFacts'], (snapshot) => add(snapshot, 'good/inventory.released')],
  [
    'a mail that was said to have failed, though no call for it did',
    ['eventsHaveFacts'],
    (snapshot) => add(snapshot, 'good/notification.failed/order.paid.email'),
  ],
  [
    'a mail that went well without being said to',
    ['factsHaveEvents'],
    (snapshot) => drop(snapshot, 'good/notification.sent/order.paid.email'),
  ],
  [
    'a decision taken twice, with two outcomes',
    ['eventsHaveFacts', 'eventsAreHeard'],
    (snapshot) => add(snapshot, 'good/payment.failed'),
  ],
  [
    'an event that its listener never heard',
    ['eventsAreHeard', 'eventsHaveFacts'],
    ({ reservations }) => {
      the(reservations, order('declined')).facts = '[]'
    },
  ],
  [
    'news that nobody was told',
    ['factsHaveEvents'],
    (snapshot) => {
      without(snapshot.notifications, ({ id }) => id === 'good.order.completed')
      without(snapshot.deliveries, ({ notification_id }) => notification_id === 'good.order.completed')
      without(snapshot.accepted, ({ id }) => id === 'good.order.completed.email')
      drop(snapshot, 'good/notification.requested/order.completed')
      drop(snapshot, 'good/notification.sent/order.completed.email')
    },
  ],
  [
    'a mail that was recorded as sent and never taken',
    ['toldAtLeastOnce'],
    ({ accepted }) => {
      without(accepted, ({ id }) => id === 'good.order.paid.email')
    },
  ],
  [
    'a mail that is still to be sent',
    ['toldAtLeastOnce', 'eventsHaveFacts'],
    ({ deliveries }) => {
      without(deliveries, ({ notification_id }) => notification_id === 'good.order.paid')
    },
  ],
  ['a reminder that was given up before its time was over', ['toldAtLeastOnce'], (snapshot) => expired(snapshot, -1)],
  [
    'a reminder that was dropped though nothing had become of the order',
    ['toldAtLeastOnce'],
    (snapshot) => superseded(snapshot, 'good.order.created'),
  ],
  [
    'a reminder that was dropped because of another order',
    ['toldAtLeastOnce'],
    (snapshot) => superseded(snapshot, 'empty.order.cancelled'),
  ],
  [
    'a reminder said to be dropped, and neither that nor sent',
    ['eventsHaveFacts'],
    (snapshot) => {
      expired(snapshot, 1)
      add(snapshot, 'good/notification.superseded/reminder.1.email')
    },
  ],
  [
    'a mail that the payment was told by after the cancellation',
    ['toldInOrder'],
    ({ accepted }) => {
      const [paid, cancelled] = ['order.paid', 'order.cancelled'].map((news) =>
        the(accepted, ({ id }) => id === `refused.${news}.email`),
      )
      if (paid && cancelled) [paid.atMs, cancelled.atMs] = [cancelled.atMs, paid.atMs]
    },
  ],
  [
    'a mail that was taken twice',
    ['toldOnce'],
    ({ accepted }) => {
      accepted.push({ id: 'good.order.paid.email', atMs: 2_000_000, told: true })
    },
  ],
  [
    'a mail that was refused and whose request is gone',
    ['toldAtLeastOnce'],
    ({ deadLetters }) => {
      without(deadLetters, ({ reason }) => reason.startsWith('mail_refused'))
    },
  ],
  [
    'a message left in a queue',
    ['nothingWaits'],
    ({ queues }) => {
      the(queues, ({ name }) => name === 'order.queue').messages = 1
    },
  ],
  [
    'a message left in an outbox',
    ['nothingWaits'],
    ({ outboxes }) => {
      the(outboxes, () => true).rows = 1
    },
  ],
  [
    'a queue that was deleted and is gone',
    ['topologyStands'],
    ({ topology }) => {
      topology.after = []
    },
  ],
  [
    'a refused queue that held up everything',
    ['othersGoOn'],
    ({ events }) => {
      const isElsewhere = ({ source, type }: { source?: string; type: string }) =>
        source === '/payment-service' && type !== 'payment.success'
      for (const event of events) if (isElsewhere(event)) event.source = '/somebody'
    },
  ],
  [
    'a parcel that came before its time',
    ['neverEarly'],
    ({ events }) => {
      const prepared = the(events, ({ id }) => id === 'good/shipping.prepared').time
      the(events, ({ id }) => id === 'good/shipping.delivered').time = prepared ?? ''
    },
  ],
  [
    'a deadline that passed before its time',
    ['neverEarly'],
    (snapshot) => {
      the(snapshot.orders, order('declined')).reason = 'confirmation_timeout'
      the(snapshot.payments, order('declined')).confirm_before = '2026-01-01T00:00:00.000Z'
      add(snapshot, 'declined/payment.confirmation_required')
      add(snapshot, 'declined/notification.requested/payment.confirmation_required')
      const about = {
        id: 'declined.asked',
        subject: 'declined',
        order_id: 'declined',
        channels: 0,
        created_at: '',
        expires_at: null,
      }
      snapshot.notifications.push({ ...about, event_type: 'payment.confirmation_required' })
      snapshot.facts.push({ order_id: 'declined', type: 'payment.confirmation_required' })
    },
  ],
  [
    'a dead letter that nobody caused',
    ['deadLettersExplained'],
    ({ deadLetters }) => {
      deadLetters.push({
        queue: 'order.dlq',
        id: 'good/payment.success',
        reason: 'TypeError: x is undefined',
        digest: 'x',
      })
    },
  ],
  [
    'garbage that disappeared',
    ['thrownAreKept'],
    ({ thrown }) => {
      thrown.push({ ...the(thrown, () => true), digest: 'c' })
    },
  ],
  [
    'garbage whose bytes were changed',
    ['thrownAreKept', 'deadLettersExplained'],
    ({ deadLetters }) => {
      the(deadLetters, ({ digest }) => digest === 'a').digest = 'c'
    },
  ],
  [
    'garbage that is there twice, though nobody went meanwhile',
    ['thrownAreKept'],
    ({ deadLetters }) => {
      deadLetters.push({ ...the(deadLetters, ({ digest }) => digest === 'a') })
    },
  ],
  [
    'a message of a time to come that became a dead letter',
    ['thrownAreKept'],
    ({ deadLetters, waitingRows }) => {
      waitingRows.splice(0)
      deadLetters.push({ queue: 'payment.dlq', id: 'odd-1', reason: 'unknown_type: …', digest: 'b' })
    },
  ],
  [
    'a row that waits for somebody, and that nobody threw',
    ['thrownAreKept'],
    ({ waitingRows }) => {
      waitingRows.push({ queue: 'order.queue', digest: 'x' })
    },
  ],
  [
    'a rehearsal that told of another reason',
    ['rehearsalsAreRight'],
    ({ rehearsals }) => {
      the(rehearsals.rehearsed, () => true).came = 'too_old'
    },
  ],
  [
    'a rehearsal that told it would fail, and it did not',
    ['rehearsalsAreRight'],
    ({ rehearsals }) => {
      the(rehearsals.rehearsed, () => true).came = null
    },
  ],
  [
    'a rehearsal that told it would be handled, and it failed',
    ['rehearsalsAreRight'],
    ({ rehearsals }) => {
      Object.assign(
        the(rehearsals.rehearsed, () => true),
        { told: 'decided', code: null },
      )
    },
  ],
  [
    'a service that did not answer a rehearsal',
    ['rehearsalsAreRight'],
    ({ rehearsals }) => {
      Object.assign(
        the(rehearsals.rehearsed, () => true),
        { told: 'not_answering', code: 'unanswered', came: null },
      )
    },
  ],
  [
    'a rehearsal that sent a mail',
    ['rehearsalsAreRight'],
    ({ rehearsals }) => {
      rehearsals.calls = 1
    },
  ],
  [
    'a process that ended by itself',
    ['onlyKilledWhenTold'],
    ({ exits }) => {
      exits.push({ process: 'payment', code: 1, signal: null, wanted: false })
    },
  ],
  [
    'a process that grew without bound',
    ['memoryBounded'],
    ({ memory }) => {
      memory.push({ process: 'audit', peakBytes: 2_000 * 1_048_576 })
    },
  ],
]

it('finds nothing wrong with what is right', () => {
  expect(judge(goodSnapshot()).filter(({ passed }) => !passed)).toEqual([])
})

it('lets the last release make a dead letter of what it does not know, and nobody else', () => {
  const snapshot = goodSnapshot()
  snapshot.waitingRows.splice(0)
  snapshot.deadLetters.push({ queue: 'payment.dlq', id: 'odd-1', reason: 'unknown_type: …', digest: 'b' })
  expect(failing({ ...snapshot, released: ['payment'] })).toEqual([])
  expect(failing({ ...snapshot, released: ['order'] })).toEqual(['thrownAreKept'])
})

it('lets the last release copy what names further queues when it gives it up, and nobody else', () => {
  const snapshot = goodSnapshot()
  const copied = ['inventory.queue', 'shipping.queue']
  const copy = { id: 'copy-1', queue: 'order.queue', digest: 'c', wants: 'dead letter' as const, atMs: 0 }
  snapshot.thrown.push({ ...copy, confirmed: true, copied })
  const letter = { queue: 'order.dlq', id: 'copy-1', reason: 'undecodable: …', digest: 'c' }
  snapshot.deadLetters.push(letter, letter)
  expect(failing({ ...snapshot, released: ['shipping'] })).toEqual([])
  expect(failing({ ...snapshot, released: ['payment'] })).toEqual(['thrownAreKept'])
})

it('lets the inventory of the last release know no route for a difference, and nobody else, nor another refusal', () => {
  const snapshot = goodSnapshot()
  const restock = { action: 'restock' as const, orderId: 'item1', status: 404, available: 1 }
  const answered = (code: string, released: string[]) =>
    failing({ ...snapshot, asked: [...snapshot.asked, { ...restock, code }], released })
  expect(answered('no_such_route', ['inventory'])).toEqual([])
  expect(answered('no_such_route', ['order'])).toEqual(['answers'])
  expect(answered('no_such_sku', ['inventory'])).toEqual(['answers'])
})

it('lets the notification-service of the last release tell of an order for which nothing was set aside, and nobody else', () => {
  const snapshot = goodSnapshot()
  const about = { id: 'sold.order.created', subject: 'sold', order_id: 'sold', event_type: 'order.created' }
  snapshot.notifications.push({ ...about, channels: 1, created_at: '', expires_at: null })
  add(snapshot, 'sold/notification.requested/order.created')
  const missing = (released: string[]) =>
    judge({ ...snapshot, released }).flatMap(({ violations }) =>
      violations.filter((one) => one.includes('reserved is')),
    )
  expect(missing(['notification'])).toEqual([])
  expect(missing(['audit'])).toEqual(['sold/inventory.reserved is missing'])
})

it('knows a request for some of the channels, once later news has made the others needless, and its dead letter', () => {
  const snapshot = goodSnapshot()
  const id = 'declined.order.created'
  the(snapshot.notifications, (one) => one.id === id).channels = 2
  the(snapshot.deliveries, ({ notification_id }) => notification_id === id).status = 'failed'
  const superseded = { channel: 'sms', status: 'superseded', superseded_by: 'declined.order.cancelled' }
  snapshot.deliveries.push({ notification_id: id, updated_at: '', ...superseded })
  snapshot.accepted = snapshot.accepted.filter((one) => one.id !== `${id}.email`)
  the(snapshot.events, (one) => one.id === 'declined/notification.requested/order.created').id += '.email'
  the(snapshot.events, (one) => one.id === 'declined/notification.sent/order.created.email').id =
    'declined/notification.failed/order.created.email'
  add(snapshot, 'declined/notification.superseded/order.created.sms')
  snapshot.refusedAddresses.push('ann@example.com')
  const letter = { queue: 'notification.email.dlq', reason: 'mail_refused: 554', digest: 'c' }
  snapshot.deadLetters.push({ ...letter, id: 'declined/notification.requested/order.created.email' })
  expect(failing(snapshot)).toEqual([])
})

it('lets the notification-service of the last release tell, or plan, what came before, while it runs and no longer', () => {
  const snapshot = goodSnapshot()
  const tell = (about: string, atMs: number) => snapshot.accepted.push({ id: `bad.${about}.sms`, atMs, told: true })
  tell('order.cancelled', 10)
  tell('order.created', 20)
  const isWrong = (toMs: number) =>
    judge({ ...snapshot, toldByRelease: [{ fromMs: 0, toMs }] }).some(({ violations }) =>
      violations.includes('bad sms: order.created after order.cancelled'),
    )
  expect([isWrong(20), isWrong(19)]).toEqual([false, true])
  const [other] = snapshot.notifications
  if (other) snapshot.notifications.push({ ...other, id: 'bad.order.created', created_at: iso(15) })
  expect([isWrong(15), isWrong(14)]).toEqual([false, true])
})

it('knows what stood in for a provider by its own line, and that of the last release only where it ran', () => {
  const line = (msg: string, channel: string) => ({ msg, channel, notificationId: 'good.order.paid' })
  const lines = [line('not sent: this channel has no provider', 'sms'), line('told', 'push'), line('handled', 'email')]
  const taken = (released: string[]) => takenByStandIns(lines, released).map(({ id }) => id)
  expect(taken(['inventory'])).toEqual(['good.order.paid.sms'])
  expect(taken(['notification'])).toEqual(['good.order.paid.sms', 'good.order.paid.push'])
  const snapshot = goodSnapshot()
  snapshot.deliveries.push({ notification_id: 'good.order.paid', channel: 'push', status: 'sent', updated_at: '' })
  the(snapshot.events, ({ id }) => id === 'good/notification.requested/order.paid').data = {
    channels: ['email', 'push'],
  }
  the(snapshot.notifications, ({ id }) => id === 'good.order.paid').channels = 5
  add(snapshot, 'good/notification.sent/order.paid.push')
  expect(failing(snapshot)).toEqual(['toldAtLeastOnce'])
  expect(
    failing({ ...snapshot, accepted: [...snapshot.accepted, ...takenByStandIns(lines, ['notification'])] }),
  ).toEqual([])
})

it.each(plants)('finds %s', (_, expected, plant) => {
  const snapshot = goodSnapshot()
  plant(snapshot)
  expect(failing(snapshot).sort()).toEqual([...expected].sort())
})

it('has a plant for every check', () => {
  const planted = new Set(plants.flatMap(([, names]) => names))
  expect(Object.keys(checks).filter((name) => !planted.has(name as CheckName))).toEqual([])
})

describe('the window', () => {
  const twice = (snapshot: Snapshot, told: boolean) => {
    const first = the(snapshot.accepted, ({ id }) => id === 'good.order.paid.email')
    snapshot.accepted.push({ ...first, atMs: 2_000_000 })
    first.told = told
    return first.atMs ?? 0
  }

  it('excuses a mail whose yes was lost on the way', () => {
    const snapshot = goodSnapshot()
    twice(snapshot, false)
    expect(failing(snapshot)).toEqual([])
  })

  it('excuses a mail that was taken just before its process died, and counts it', () => {
    const snapshot = goodSnapshot()
    const atMs = twice(snapshot, true)
    snapshot.windows.push({ fromMs: atMs - 1, toMs: atMs + 1, why: 'notification died', max: 32 })
    expect(failing(snapshot)).toEqual([])
    expect(checks.toldOnce(snapshot).note).toMatch(/^1 repeated in the window/)
  })

  it('excuses none that was taken at another time, and not more than it can hold', () => {
    for (const [shift, max] of [
      [10, 32],
      [0, 0],
    ] as const) {
      const snapshot = goodSnapshot()
      const atMs = twice(snapshot, true)
      snapshot.windows.push({ fromMs: atMs + shift - 1, toMs: atMs + shift + 1, why: 'notification died', max })
      expect(failing(snapshot)).toEqual(['toldOnce'])
    }
  })
})

it('takes a payment of which nothing was said, since the order was over when it was learnt, for no fault', () => {
  const snapshot = goodSnapshot()
  const isLate = ({ order_id, type }: { order_id: string; type: string }) =>
    order_id === 'refused' && type === 'payment.success'
  const late = the(snapshot.facts, isLate)
  without(snapshot.facts, isLate)
  snapshot.facts.push(late)
  without(snapshot.notifications, ({ id }) => id === 'refused.order.paid')
  without(snapshot.deliveries, ({ notification_id }) => notification_id === 'refused.order.paid')
  without(snapshot.accepted, ({ id }) => id === 'refused.order.paid.email')
  for (const id of ['order.paid', 'notification.requested/order.paid', 'notification.sent/order.paid.email'])
    drop(snapshot, `refused/${id}`)
  expect(failing(snapshot)).toEqual([])
})

it('takes a reminder that came too late by its own time for no fault, and counts it', () => {
  const snapshot = goodSnapshot()
  expired(snapshot, 1)
  expect(failing(snapshot)).toEqual([])
  expect(checks.toldAtLeastOnce(snapshot).note).toMatch(/, 1 too late, 0 needless$/)
})

it('takes a process that started without a disk for no fault, and one that ended for anything else for one', () => {
  for (const [msg, faults] of [
    ['cannot start: disk I/O error', []],
    ['disk I/O error', ['onlyKilledWhenTold']],
    ['cannot start: no such table: facts', ['onlyKilledWhenTold']],
  ] as const) {
    const snapshot = goodSnapshot()
    const why = JSON.stringify({ level: 60, err: { message: 'disk I/O error' }, msg })
    snapshot.exits.push({ process: 'payment', code: 1, signal: null, wanted: false, why })
    expect(failing(snapshot)).toEqual(faults)
  }
})

it('takes a mail that failed, and was sent when its dead letter was sent again, for no fault', () => {
  const snapshot = goodSnapshot()
  snapshot.attempts.push({ notification_id: 'good.order.paid', channel: 'email' })
  add(snapshot, 'good/notification.failed/order.paid.email')
  expect(failing(snapshot)).toEqual([])
})

it('takes a mail that was given up without a call, and sent when its dead letter was sent again, for no fault', () => {
  const snapshot = goodSnapshot()
  const id = 'good/notification.requested/order.paid'
  snapshot.sentAgain.push({ queue: 'notification.email.dlq', id, reason: 'breaker_open', digest: 'b' })
  add(snapshot, 'good/notification.failed/order.paid.email')
  expect(failing(snapshot)).toEqual([])
})

it('takes a reminder that the customer’s word has made needless for no fault, and counts it', () => {
  const snapshot = goodSnapshot()
  superseded(snapshot, 'good.order.paid')
  expect(failing(snapshot)).toEqual([])
  expect(checks.toldAtLeastOnce(snapshot).note).toMatch(/, 1 needless$/)
})

it('judges what is said on an order’s way, and leaves what another service says to that service’s tests', () => {
  const snapshot = goodSnapshot()
  add(snapshot, 'good/invoice.issued')
  expect(failing(snapshot)).toEqual([])
})

it('takes a reminder that was dropped while its provider had it in hand for no fault', () => {
  const snapshot = goodSnapshot()
  reminded(snapshot, 'sent')
  const { atMs } = the(snapshot.accepted, ({ id }) => id === 'good.order.created.email')
  snapshot.accepted.push({ id: 'good.reminder.1.email', atMs: (atMs ?? 0) + 0.5, told: true })
  add(snapshot, 'good/notification.superseded/reminder.1.email')
  expect(failing(snapshot)).toEqual([])
})

it('fails where nothing was at stake', () => {
  const nothing: Snapshot = {
    ...goodSnapshot(),
    ...{ asked: [], orders: [], facts: [], stock: [], stockBefore: [], reservations: [], payments: [], charges: [] },
    ...{ shipments: [], notifications: [], deliveries: [], attempts: [], accepted: [], events: [], outboxes: [] },
    ...{
      queues: [],
      deadLetters: [],
      thrown: [],
      waitingRows: [],
      memory: [],
      topology: { before: [], after: [] },
      refusals: [],
      rehearsals: { rehearsed: [], calls: 0 },
    },
    tree: { entries: 0, brokenAt: null },
    stockLooks: { count: 0, negative: [] },
  }
  const judged = judge(nothing)
  expect(judged.filter(({ passed }) => passed).map(({ name }) => name)).toEqual([])
  expect(judged.filter(({ violations }) => !violations.includes('nothing was at stake'))).toEqual([])
})

it('shares no code with the services', () => {
  const oracle = files.filter(({ path }) => path.startsWith('tests/chaos/oracle/'))
  expect(oracle.length).toBeGreaterThan(5)
  const foreign = oracle.flatMap(({ path, imports }) =>
    imports.filter((name) => !/^\.\/|^node:|^better-sqlite3$|^pg$/.test(name)).map((name) => `${path} imports ${name}`),
  )
  expect(foreign).toEqual([])
})
