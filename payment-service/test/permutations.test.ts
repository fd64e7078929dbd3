// Every order of arrival: messages late, early, twice and at the same time, crashes between the gateway's answer and
// the commit, a gateway that is down or whose answers are lost, copies with different limits. Whatever happens, the
// customer's money and what payment says agree in the end.
//
// Many sequences meet in the same world, and from there on nothing tells them apart: each world is looked at once, and the
// sequences that lead there are counted, so that none is left out.
import { commands, type Message, registry } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Call, callForCharge, callForReservation } from '../calls.ts'
import {
  type Decision,
  decideCancellation,
  decideCharge,
  decideConfirmation,
  decideDeadline,
  decideGivenUp,
  decideReservation,
  decideShippingFailure,
  isRefundDue,
  type Payment,
  reserved,
  type Settlement,
} from '../domain.ts'
import { decideRefund, type Refund } from '../voids.ts'
import { now, small, terms } from './examples.ts'

type Books = 'unused' | 'charged' | 'declined' | 'voided' | 'refunded'
type Method = 'visa' | 'declined' | 'down' | 'lost'

/** All there is to one order: the row, the provider's books, what was said, and what is under way. Never changed. */
interface World {
  method: Method
  limitIsHigh: boolean
  payment: Payment | undefined
  books: Books
  said: Message[]
  isReserved: boolean
  isUndeliverable: boolean
  /** Answers of the gateway to copies that have not committed yet. */
  late: Late[]
}

/** What `commit` does follows from the rest. */
interface Late {
  of: string
  answer: Settlement | Refund | undefined
  limitIsHigh: boolean
  commit(world: World): World
}

/** Says all there is to a world, functions left out. */
const nameOf = (world: World) => JSON.stringify(world)

const unavailable = Symbol('unavailable')
type Answered<T> = { world: World; answer: T | undefined | typeof unavailable }

const settlementOf = (books: Books): Settlement => {
  if (books === 'charged' || books === 'refunded') return { outcome: 'charged', chargeId: 'ch_1' }
  return books === 'declined' ? { outcome: 'declined', reason: 'card_declined' } : { outcome: 'voided' }
}

/** The provider, told anew in as few words as its promises have, so that the rules are not tested against themselves. */
function call(world: World, asked: Call): Answered<Settlement> {
  if (!asked) return { world, answer: undefined }
  if (asked.call === 'charge' && world.method === 'down') return { world, answer: unavailable }
  const entry: Books = asked.call === 'void' ? 'voided' : world.method === 'declined' ? 'declined' : 'charged'
  const books = world.books === 'unused' ? entry : world.books
  const isLost = asked.call === 'charge' && world.method === 'lost'
  return { world: { ...world, books }, answer: isLost ? unavailable : settlementOf(books) }
}

function giveBack(world: World): Answered<Refund> {
  if (!isRefundDue(world.payment)) return { world, answer: undefined }
  const { world: after } = call(world, { call: 'void' })
  if (after.books !== 'charged' && after.books !== 'refunded') return { world: after, answer: undefined }
  return { world: { ...after, books: 'refunded' }, answer: { chargeId: 'ch_1', refundId: 're_1' } }
}

function apply(world: World, { state: payment = world.payment, messages }: Decision): World {
  return { ...world, payment, said: [...world.said, ...messages] }
}

const reservation = { ...small, totalCents: 50_000 }
const termsOf = (world: World) => ({ ...terms, confirmAboveCents: world.limitIsHigh ? 50_000 : 49_999 })

interface Asking<T extends Settlement | Refund> {
  name: string
  ask(world: World): Answered<T>
  handle(world: World, answer: T | undefined): World
  giveUp(world: World): World
}

const reserving: Asking<Settlement> = {
  name: 'reserving',
  ask: (world) => call({ ...world, isReserved: true }, callForReservation(world.payment, reservation, termsOf(world))),
  handle: (world, settlement) =>
    apply(world, decideReservation('1', world.payment, { reservation, settlement, terms: termsOf(world), now })),
  giveUp: (world) =>
    apply({ ...world, isReserved: true }, decideGivenUp(reserved('1', world.payment, reservation, now), now)),
}
const charging: Asking<Settlement> = {
  name: 'charging',
  ask: (world) => call(world, callForCharge(world.payment)),
  handle: (world, settlement) => apply(world, decideCharge(world.payment, settlement, now)),
  giveUp: (world) => apply(world, decideGivenUp(world.payment, now)),
}
const voiding: Asking<Refund> = {
  name: 'voiding',
  ask: giveBack,
  handle: (world, refund) => apply(world, decideRefund(world.payment, { refund, now })),
  // A void is never given up: it waits in the dead letters and is sent again.
  giveUp: (world) => world,
}

const has = (world: World, type: string) => world.said.some((message) => message.type === type)

/** Asked and committed in one go; without an answer the message waits, and comes again. */
function whole<T extends Settlement | Refund>({ ask, handle }: Asking<T>) {
  return (before: World) => {
    const { world, answer } = ask(before)
    return answer === unavailable ? world : handle(world, answer)
  }
}

/** The process dies after the gateway's answer. */
function crashed<T extends Settlement | Refund>({ ask }: Asking<T>) {
  return (before: World) => ask(before).world
}

/** A copy asks now and commits later, whatever happens in between. */
function begun<T extends Settlement | Refund>({ name, ask, handle }: Asking<T>) {
  return (before: World): World => {
    const { world, answer } = ask(before)
    if (answer === unavailable) return world
    // The copy's own limit holds from its question to its commit, whatever limit other copies have.
    const { limitIsHigh } = world
    const commit = (later: World) => ({ ...handle({ ...later, limitIsHigh }, answer), limitIsHigh: later.limitIsHigh })
    return { ...world, late: [...world.late, { of: name, answer, limitIsHigh, commit }] }
  }
}

function finished(world: World): World {
  const [first, ...late] = world.late
  return first ? first.commit({ ...world, late }) : world
}

/** A command exists only once it was said. */
const once = (type: string, step: (world: World) => World) => (world: World) => (has(world, type) ? step(world) : world)

const confirm = (world: World) => (world.payment ? apply(world, decideConfirmation(world.payment, now)) : world)
const steps = {
  reserve: whole(reserving),
  cancel: (world: World) => apply(world, decideCancellation('1', world.payment, now)),
  deadline: once('payment.deadline', (world) => apply(world, decideDeadline(world.payment, now))),
  confirm,
  charge: once('payment.charge', whole(charging)),
  shippingFails: (world: World): World =>
    apply(
      { ...world, isUndeliverable: true },
      decideShippingFailure('1', world.payment, { shippingFailure: 'address_not_served', now }),
    ),
  void: once('payment.void', whole(voiding)),
  crashReserving: crashed(reserving),
  beginReserving: begun(reserving),
  giveUpReserving: reserving.giveUp,
  crashCharging: once('payment.charge', crashed(charging)),
  beginCharging: once('payment.charge', begun(charging)),
  giveUpCharging: once('payment.charge', charging.giveUp),
  crashVoiding: once('payment.void', crashed(voiding)),
  beginVoiding: once('payment.void', begun(voiding)),
  finish: finished,
  otherLimit: (world: World): World => ({ ...world, limitIsHigh: !world.limitIsHigh }),
}
type Step = keyof typeof steps
const everyStep = Object.keys(steps) as Step[]
const plainSteps: Step[] = ['reserve', 'cancel', 'deadline', 'confirm', 'charge', 'shippingFails']

function deliver<T extends Settlement | Refund>(asking: Asking<T>, before: World): World {
  const { world, answer } = asking.ask(before)
  return answer === unavailable ? asking.giveUp(world) : asking.handle(world, answer)
}

/** What was under way commits, and what is in the queues is delivered, until nothing is left to do. */
function settled(world: World): World {
  let end = world.late.reduce(finished, world)
  if (end.isReserved) end = deliver(reserving, end)
  end = steps.deadline(end)
  if (has(end, 'payment.charge')) end = deliver(charging, end)
  return has(end, 'payment.void') ? deliver(voiding, end) : end
}

function begin(method: Method, limitIsHigh: boolean): World {
  const untouched = { payment: undefined, books: 'unused', isReserved: false, isUndeliverable: false } as const
  return { method, limitIsHigh, ...untouched, said: [], late: [] }
}

/** The path says how to come there. */
function faultOf(world: World, path: readonly Step[]): string | undefined {
  const end = settled(world)
  const events = end.said.map(({ id }) => id)
  const says = (type: string) => events.includes(`1/${type}`)
  const status = end.payment?.status
  const faults = {
    'a message was said twice': new Set(events).size < events.length,
    'both success and failed': says('payment.success') && says('payment.failed'),
    'something was said of an order that was never reserved': !end.isReserved && events.length > 0,
    'the order has no end': end.isReserved && !says('payment.success') && !says('payment.failed'),
    'charged without being paid': (end.books === 'charged') !== (status === 'succeeded'),
    'refunded without saying so, or the reverse': (end.books === 'refunded') !== (status === 'refunded'),
    'refunds are not announced': says('payment.refunded') !== (status === 'refunded'),
    'failed, and the key can still be charged': status === 'failed' && end.books === 'unused',
    'failed and charged': says('payment.failed') && end.books === 'charged',
    'paid and never charged': says('payment.success') && end.books !== 'charged' && end.books !== 'refunded',
    'the parcel cannot go and the customer stays charged': world.isUndeliverable && end.books === 'charged',
    'the customer is remembered after the decision': end.isReserved && end.payment?.reservation !== null,
    'another delivery of everything changes something': hasChanged(end, settled(everyStep.reduce(repeat, end))),
  }
  const found = Object.entries(faults).find(([, isFaulty]) => isFaulty)?.[0]
  return found && `${found}: ${world.method}: ${path.join(', ')}`
}

/** Only what was there already is delivered again: an order that was never reserved must not be reserved now. */
function repeat(world: World, step: Step): World {
  const isNews = ['cancel', 'shippingFails', 'otherLimit'].includes(step) || !world.isReserved
  return isNews ? world : steps[step](world)
}

function hasChanged(before: World, after: World): boolean {
  return after.payment !== before.payment || after.books !== before.books || after.said.length !== before.said.length
}

/** A place that sequences of one length lead to: how many of them, and the first. */
interface Reached<W> {
  world: W
  ways: number
  path: Step[]
}

/** Where all sequences of each length lead, the empty one first. */
function explore<W>(beginning: W, alphabet: readonly Step[], depth: number, walk: Walk<W>): Reached<W>[][] {
  let last: Reached<W>[] = [{ world: beginning, ways: 1, path: [] }]
  const lengths = [last]
  for (let length = 1; length <= depth; length++) {
    const next = new Map<string, Reached<W>>()
    for (const { world, ways, path } of last)
      for (const step of alphabet) {
        const to = walk.go(world, step)
        const name = walk.nameOf(to)
        const known = next.get(name)
        if (known) known.ways += ways
        else next.set(name, { world: to, ways, path: [...path, step] })
      }
    last = [...next.values()]
    lengths.push(last)
  }
  return lengths
}
interface Walk<W> {
  go(world: W, step: Step): W
  nameOf(world: W): string
}

const single: Walk<World> = { go: (world, step) => steps[step](world), nameOf }
/** Two worlds, the second of which gets everything twice. */
const twice: Walk<{ one: World; other: World }> = {
  go: ({ one, other }, step) => ({ one: steps[step](one), other: steps[step](steps[step](other)) }),
  nameOf: (worlds) => JSON.stringify(worlds),
}

function faultsOf(alphabet: readonly Step[], depth: number, beginning: World): { faults: string[]; endings: number } {
  const reached = explore(beginning, alphabet, depth, single).flat()
  const worlds = new Map(reached.map((place) => [nameOf(place.world), place]))
  const faults = [...worlds.values()].flatMap(({ world, path }) => faultOf(world, path) ?? [])
  return { faults: faults.slice(0, 5), endings: reached.reduce((sum, { ways }) => sum + ways, 0) }
}

const methods: Method[] = ['visa', 'declined', 'down', 'lost']
const beginnings = methods.flatMap((method) => [true, false].map((limitIsHigh) => ({ method, limitIsHigh })))

// A slow machine may take its time: what is walked is fixed.
const patient = { timeout: 60_000 }

describe.each(beginnings)('$method, charged without asking: $limitIsHigh', ({ method, limitIsHigh }) => {
  test('every sequence of up to eight plain deliveries', patient, () => {
    expect(faultsOf(plainSteps, 8, begin(method, limitIsHigh))).toEqual({ faults: [], endings: 2_015_539 })
  })

  test('every sequence of up to four of all that can happen', patient, () => {
    expect(faultsOf(everyStep, 4, begin(method, limitIsHigh))).toEqual({ faults: [], endings: 88_741 })
  })

  test('delivering each twice ends the same', () => {
    const beginning = { one: begin(method, limitIsHigh), other: begin(method, limitIsHigh) }
    const reached = explore(beginning, plainSteps, 4, twice).flat()
    for (const { world, path } of reached)
      if (nameOf(settled(world.other)) !== nameOf(settled(world.one))) expect.fail(`not the same: ${path.join(', ')}`)
    expect(reached.reduce((sum, { ways }) => sum + ways, 0)).toBe(1_555)
  })
})

test('long ways: whatever happens, the money and the words agree, and every message fits its contract', patient, () => {
  const anyBeginning = fc.constantFrom(...beginnings)
  const anyWay = fc.array(fc.constantFrom(...everyStep), { minLength: 4, maxLength: 25 })
  const fitting = new Set<string>()
  fc.assert(
    fc.property(anyBeginning, anyWay, ({ method, limitIsHigh }, path) => {
      const world = path.reduce((at, step) => steps[step](at), begin(method, limitIsHigh))
      expect(faultOf(world, path)).toBeUndefined()
      for (const message of settled(world).said) {
        const text = JSON.stringify(message)
        if (!fitting.has(text)) encode(registry, message, 'payment-service', {})
        fitting.add(text)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('the ways explored do reach every ending', () => {
  const reached = new Set<string>()
  for (const { method, limitIsHigh } of beginnings)
    for (const { world } of explore(begin(method, limitIsHigh), everyStep, 3, single).flat()) {
      const { payment, books } = settled(world)
      reached.add(`${payment?.status} ${payment?.reason} ${books}`)
    }
  expect([...reached].sort()).toEqual([
    'cancel_requested null unused',
    'failed address_not_served voided',
    'failed cancelled_by_customer voided',
    'failed confirmation_timeout declined',
    'failed confirmation_timeout voided',
    'failed declined declined',
    'failed gateway_unavailable declined',
    'failed gateway_unavailable voided',
    'refunded address_not_served refunded',
    'refunded confirmation_timeout refunded',
    'refunded gateway_unavailable refunded',
    'succeeded null charged',
    'undefined undefined unused',
  ])
})

test('the deadline is the only timer, and every command has a contract', () => {
  const world = settled(confirm(steps.reserve(begin('lost', false))))
  const own = world.said.filter(({ exchange }) => exchange === '')
  expect(own.map(({ type, expirationMs }) => [type, expirationMs, commands.has(type)])).toEqual([
    ['payment.deadline', terms.confirmWithinMs, true],
    ['payment.charge', undefined, true],
    ['payment.void', undefined, true],
  ])
})
