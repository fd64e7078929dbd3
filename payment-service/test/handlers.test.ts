// Handlers, store and gateway together, over scratch files: what a delivery asks, saves and says.
import { join } from 'node:path'
import {
  type CommandContract,
  type Contract,
  InventoryReserved,
  type Message,
  OrderCancelRequested,
  PaymentCharge,
  PaymentConfirm,
  PaymentDeadline,
  PaymentGet,
  PaymentVoid,
  registry,
  ShippingFailed,
} from '@orders/shared/contracts'
import { encode, type State, type Work } from '@orders/shared/messaging'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, handleAlone, scratchFolder } from '@orders/shared/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, openSimulatedGateway } from '../gateway.ts'
import { answerers, handlers } from '../handlers.ts'
import { payments } from '../store.ts'
import { confirmBefore, large, now, small, terms } from './examples.ts'

let folder: { path: string; remove(): Promise<void> }
let database: Database
let gateway: Gateway

beforeEach(async () => {
  folder = await scratchFolder()
  database = openSqlite(join(folder.path, 'payment.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
  gateway = openSimulatedGateway({ path: join(folder.path, 'gateway.db'), now: () => new Date(now) })
})
afterEach(async () => {
  gateway.close()
  await database.close()
  await folder.remove()
})

/** When the customer's time is over. */
const afterwards = confirmBefore
const read = async <Value>(state: State<Value>, key: string) => (await state.load(database, [key])).get(key)
const paymentOf = (orderId: string) => read(payments, orderId)

/** One delivery in the steps that the kernel takes, so that a test can die, or let others pass, between them. */
function delivery<Data>(contract: Contract<Data> | CommandContract<Data>, data: Data, orderId = '1', at = now) {
  const context = { now: at, attempt: 1, redelivered: false }
  const handler = handlers(gateway, terms, 60_000).find(({ type }) => type === contract.type)
  if (!handler) throw new Error(`no handler for ${contract.type}`)
  const event = {
    id: `${orderId}/${contract.type}`,
    source: '/test',
    type: contract.type,
    subject: orderId,
    time: now,
    data,
  }
  const ask = async () => handler.ask?.(event, { ...context, read, signal: new AbortController().signal })
  const commit = async (answer: unknown) => valid(await handleAlone(database, handler, event, { context, answer }))
  const failure = { error: new Error('down'), reason: 'down' }
  const givingUp: Work<undefined> = {
    reads: (known) => handler.reads(event, known),
    decide: (draft) => ({ result: undefined, messages: handler.giveUp?.(event, draft, context, failure) ?? [] }),
  }
  return {
    ask,
    commit,
    whole: async () => commit(await ask()),
    giveUp: async () => valid((await decideAlone(database, givingUp)).messages),
  }
}

/** What is said must fit its contract; only the types are left to compare. */
function valid(messages: Message[]): string[] {
  for (const message of messages) encode(registry, message, 'payment-service', {})
  return messages.map(({ type }) => type)
}

const reservedWith = (paymentMethod: string, orderId = '1') =>
  delivery(InventoryReserved, { ...small, paymentMethod }, orderId)
const cancel = () => delivery(OrderCancelRequested, { user: 'gayal' }).whole()
const refuseShipment = (reason = 'address_not_served') => delivery(ShippingFailed, { reason }).whole()
const charge = () => delivery(PaymentCharge, {})
const giveBack = () => delivery(PaymentVoid, {})
const deadline = () => delivery(PaymentDeadline, {}, '1', afterwards).whole()

async function question(contract: typeof PaymentGet | typeof PaymentConfirm, orderId = '1') {
  const answerer = answerers.find(({ type }) => type === contract.type)
  if (!answerer) throw new Error(`no answer to ${contract.type}`)
  const { result: reply, messages } = await decideAlone(database, answerer.work({ orderId }, now))
  expect(contract.reply().Check(reply)).toBe(true)
  return { reply, said: valid(messages) }
}

const status = async () => (await paymentOf('1'))?.status
const books = async () => (await gateway.lookup('1'))?.status
const standing = async () => [await status(), await books()]
const unavailable = { code: 'gateway_unavailable' }

describe('a reservation', () => {
  test('is charged once, however often it is delivered', async () => {
    expect(await reservedWith('tok_visa').whole()).toEqual(['payment.success'])
    expect(await reservedWith('tok_visa').whole()).toEqual([])
    expect(await gateway.lookup('1')).toMatchObject({ status: 'charged', amountCents: 2_500, calls: 1 })
  })
  test('is declined, and not charged later by another method', async () => {
    expect(await reservedWith('tok_declined').whole()).toEqual(['payment.failed'])
    expect(await reservedWith('tok_visa').whole()).toEqual([])
    expect(await standing()).toEqual(['failed', 'declined'])
  })
  test('survives a crash between charge and commit', async () => {
    await reservedWith('tok_visa').ask()
    expect(await standing()).toEqual([undefined, 'charged'])
    expect(await reservedWith('tok_visa').whole()).toEqual(['payment.success'])
    expect(await gateway.lookup('1')).toMatchObject({ status: 'charged', calls: 2 })
  })
  test('is delivered to two copies at once: one of them says so', async () => {
    const [one, other] = [reservedWith('tok_visa'), reservedWith('tok_visa')]
    const answers = [await one.ask(), await other.ask()]
    expect([await other.commit(answers[1]), await one.commit(answers[0])]).toEqual([['payment.success'], []])
  })
})

describe('a cancellation', () => {
  test('before the reservation: nothing is charged, and never can be', async () => {
    expect(await cancel()).toEqual([])
    expect(await status()).toBe('cancel_requested')
    expect(await reservedWith('tok_visa').whole()).toEqual(['payment.failed'])
    expect(await standing()).toEqual(['failed', 'voided'])
  })
  test('after a crash between charge and commit: the charge came first', async () => {
    await reservedWith('tok_visa').ask()
    await cancel()
    expect(await reservedWith('tok_visa').whole()).toEqual(['payment.success'])
    expect(await standing()).toEqual(['succeeded', 'charged'])
  })
  test('while the charge is under way: the outcome of the charge stands', async () => {
    const late = reservedWith('tok_visa')
    const answer = await late.ask()
    await cancel()
    expect(await late.commit(answer)).toEqual(['payment.success'])
  })
  test('voided by one copy while another is about to charge: nobody is charged', async () => {
    await cancel()
    const voiding = reservedWith('tok_visa')
    const answer = await voiding.ask()
    const lateCharge = await gateway.charge(
      { key: '1', amountCents: 2_500, method: 'tok_visa' },
      new AbortController().signal,
    )
    expect(await reservedWith('tok_visa').commit(lateCharge)).toEqual(['payment.failed'])
    expect(await voiding.commit(answer)).toEqual([])
    expect(await standing()).toEqual(['failed', 'voided'])
  })
  test('after the decision: too late, nothing', async () => {
    await reservedWith('tok_visa').whole()
    expect(await cancel()).toEqual([])
    expect(await standing()).toEqual(['succeeded', 'charged'])
  })
})

describe('a gateway that does not answer', () => {
  test('given up: failed, and the key closed', async () => {
    await expect(reservedWith('tok_gateway_down').whole()).rejects.toMatchObject(unavailable)
    expect(await reservedWith('tok_gateway_down').giveUp()).toEqual(['payment.failed', 'payment.void'])
    expect(await giveBack().whole()).toEqual([])
    expect(await standing()).toEqual(['failed', 'voided'])
  })
  test('given up, but it had charged: refunded, once', async () => {
    await expect(reservedWith('tok_answer_lost').whole()).rejects.toMatchObject(unavailable)
    await reservedWith('tok_answer_lost').giveUp()
    await giveBack().ask()
    expect(await giveBack().whole()).toEqual(['payment.refunded'])
    expect(await giveBack().whole()).toEqual([])
    expect(await standing()).toEqual(['refunded', 'refunded'])
    expect(await paymentOf('1')).toMatchObject({
      chargeId: 'ch_1',
      refundId: 're_1',
      reason: 'gateway_unavailable',
    })
  })
  test('given up by one copy after another had charged: the decision stands', async () => {
    await reservedWith('tok_visa').whole()
    expect(await reservedWith('tok_visa').giveUp()).toEqual([])
  })
  test('while the customer confirmed: failed', async () => {
    await delivery(InventoryReserved, { ...large, paymentMethod: 'tok_gateway_down' }).whole()
    await question(PaymentConfirm)
    await expect(charge().whole()).rejects.toMatchObject(unavailable)
    expect(await charge().giveUp()).toEqual(['payment.failed', 'payment.void'])
    expect(await giveBack().whole()).toEqual([])
    expect(await standing()).toEqual(['failed', 'voided'])
  })
})

describe('the customer’s word', () => {
  test('confirmed: charged with what was reserved', async () => {
    expect(await delivery(InventoryReserved, large).whole()).toEqual([
      'payment.confirmation_required',
      'payment.deadline',
    ])
    expect(await standing()).toEqual(['awaiting_confirmation', undefined])
    expect(await question(PaymentConfirm)).toMatchObject({
      reply: { status: 'confirmed', totalCents: 100_001, confirmBefore },
      said: ['payment.charge'],
    })
    expect(await charge().whole()).toEqual(['payment.success'])
    expect([await charge().whole(), await deadline()]).toEqual([[], []])
    expect(await question(PaymentConfirm)).toMatchObject({ reply: { status: 'succeeded', chargeId: 'ch_1' }, said: [] })
  })
  test('still waited for: a timer that comes early waits on', async () => {
    await delivery(InventoryReserved, large).whole()
    const early = delivery(PaymentDeadline, {}, '1', new Date(Date.parse(confirmBefore) - 1).toISOString())
    await expect(early.whole()).rejects.toMatchObject({ code: 'too_early', isUntried: true, retryAfterSeconds: 0.001 })
    expect(await paymentOf('1')).toMatchObject({ status: 'awaiting_confirmation' })
  })
  test('never spoken: failed, and the key closed', async () => {
    await delivery(InventoryReserved, large).whole()
    expect(await deadline()).toEqual(['payment.failed', 'payment.void'])
    expect(await deadline()).toEqual([])
    await giveBack().whole()
    expect(await standing()).toEqual(['failed', 'voided'])
    await expect(question(PaymentConfirm)).rejects.toMatchObject({ status: 409, code: 'payment_failed' })
  })
  test('taken back before the charge: voided', async () => {
    await delivery(InventoryReserved, large).whole()
    await question(PaymentConfirm)
    expect(await cancel()).toEqual([])
    await expect(question(PaymentConfirm)).rejects.toMatchObject({ status: 409, code: 'cancellation_requested' })
    expect(await charge().whole()).toEqual(['payment.failed'])
    expect(await standing()).toEqual(['failed', 'voided'])
  })
  test('taken back after a crash between charge and commit: the charge came first', async () => {
    await delivery(InventoryReserved, large).whole()
    await question(PaymentConfirm)
    await charge().ask()
    await cancel()
    expect(await charge().whole()).toEqual(['payment.success'])
  })
  test('not needed: refused', async () => {
    await reservedWith('tok_visa').whole()
    await expect(question(PaymentConfirm)).rejects.toMatchObject({ status: 409, code: 'confirmation_not_needed' })
  })
  test('asked too early: refused, and the payment is pending', async () => {
    await expect(question(PaymentConfirm)).rejects.toMatchObject({ status: 404, code: 'no_payment_yet' })
    expect(await question(PaymentGet)).toMatchObject({ reply: { status: 'pending', chargeId: null }, said: [] })
  })
})

test('payment.get tells where the payment stands, a tombstone included', async () => {
  await cancel()
  expect((await question(PaymentGet)).reply).toEqual({
    orderId: '1',
    status: 'cancel_requested',
    totalCents: null,
    refundedCents: 0,
    reason: null,
    chargeId: null,
    confirmBefore: null,
    updatedAt: now,
  })
})

describe('a parcel that cannot go', () => {
  test('its charge is given back, once', async () => {
    await reservedWith('tok_visa').whole()
    expect([await refuseShipment(), await refuseShipment()]).toEqual([['payment.void'], []])
    expect([await giveBack().whole(), await giveBack().whole()]).toEqual([['payment.refunded'], []])
    expect(await refuseShipment()).toEqual([])
    expect(await standing()).toEqual(['refunded', 'refunded'])
  })
  test('heard of before everything else: nothing is charged', async () => {
    expect(await refuseShipment()).toEqual([])
    expect(await reservedWith('tok_visa').whole()).toEqual(['payment.failed'])
    expect(await paymentOf('1')).toMatchObject({ status: 'failed', reason: 'address_not_served' })
  })
})

describe('the store', () => {
  test('gives back what it was given', async () => {
    await delivery(InventoryReserved, large).whole()
    const payment = await paymentOf('1')
    expect(payment).toEqual({
      orderId: '1',
      status: 'awaiting_confirmation',
      totalCents: 100_001,
      chargeId: null,
      refundId: null,
      refunds: [],
      reason: null,
      shippingFailure: null,
      confirmBefore,
      reservation: large,
      version: 1,
      createdAt: now,
      updatedAt: now,
    })
  })
  test('changes the row that is there, and keeps when it was begun', async () => {
    await cancel()
    const begun = await paymentOf('1')
    await refuseShipment()
    expect(await paymentOf('1')).toEqual({ ...begun, version: 2, shippingFailure: 'address_not_served' })
  })
  test('keeps no customer’s name once the payment is decided', async () => {
    await reservedWith('tok_visa').whole()
    expect(JSON.stringify(await database.all('select * from payments'))).not.toContain('gayal')
  })
})

test('orders have nothing to do with each other', async () => {
  await cancel()
  expect(await reservedWith('tok_visa', '2').whole()).toEqual(['payment.success'])
  expect(await standing()).toEqual(['cancel_requested', undefined])
})

test('any sequence of deliveries, crashes and repeats ends with the books and the words in agreement', {
  timeout: 60_000,
}, async () => {
  const said: string[] = []
  let orderId = ''
  const say = (types: string[]) => said.push(...types)
  const attempt = async <Data>(contract: Contract<Data> | CommandContract<Data>, data: Data, at = now) => {
    const { whole, giveUp } = delivery(contract, data, orderId, at)
    say(await whole().catch(giveUp))
  }
  const after = (type: string, step: () => Promise<void>) => async () => (said.includes(type) ? step() : undefined)
  const stepsOf = (paymentMethod: string, isLarge: boolean) => {
    const reservation = { ...(isLarge ? large : small), paymentMethod }
    return {
      reserve: () => attempt(InventoryReserved, reservation),
      crash: async () =>
        void (await delivery(InventoryReserved, reservation, orderId)
          .ask()
          .catch(() => undefined)),
      cancel: () => attempt(OrderCancelRequested, { user: 'gayal' }),
      shippingFails: after('payment.success', () => attempt(ShippingFailed, { reason: 'address_not_served' })),
      confirm: async () =>
        say(
          await question(PaymentConfirm, orderId).then(
            (it) => it.said,
            () => [],
          ),
        ) as unknown,
      deadline: after('payment.deadline', () => attempt(PaymentDeadline, {}, afterwards)),
      charge: after('payment.charge', () => attempt(PaymentCharge, {})),
      void: after('payment.void', () => attempt(PaymentVoid, {})),
    }
  }
  type Name = keyof ReturnType<typeof stepsOf>
  const names: Name[] = ['reserve', 'crash', 'cancel', 'shippingFails', 'confirm', 'deadline', 'charge', 'void']
  let count = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('tok_visa', 'tok_declined', 'tok_gateway_down', 'tok_answer_lost'),
      fc.boolean(),
      fc.array(fc.constantFrom(...names), { maxLength: 12 }),
      async (paymentMethod, isLarge, path) => {
        said.length = 0
        orderId = `order-${++count}`
        const steps = stepsOf(paymentMethod, isLarge)
        for (const name of [...path, 'reserve', 'deadline', 'charge', 'void'] as const) await steps[name]()
        const payment = await paymentOf(orderId)
        const charge = await gateway.lookup(orderId)
        const ends = said.filter((type) => type === 'payment.success' || type === 'payment.failed')
        expect({ ends: ends.length, twice: said.length - new Set(said).size }).toEqual({ ends: 1, twice: 0 })
        expect([charge?.status === 'charged', charge?.status === 'refunded', charge === undefined]).toEqual([
          payment?.status === 'succeeded',
          payment?.status === 'refunded',
          false,
        ])
      },
    ),
    { numRuns: 150 },
  )
})
