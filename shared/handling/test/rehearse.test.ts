// What would become of a message, without its becoming so.
import { describe, expect, it } from 'vitest'
import { InventoryReserved, OrderCreated, PaymentConfirm, registry } from '../../contracts/index.ts'
import { encode } from '../../messaging/envelope.ts'
import type { Arrived } from '../../messaging/publishable.ts'
import { RejectedError, TransientError } from '../../runtime/errors.ts'
import { owned } from '../../storage/state.ts'
import { eventually } from '../../testing/index.ts'
import { consume } from '../consumer.ts'
import { type Handler, on } from '../handler.ts'
import { answers } from '../questions.ts'
import { createRehearsal } from '../rehearse.ts'
import {
  created,
  effects,
  invalid,
  NOW,
  notes,
  openKernel,
  outboxRows,
  payment,
  publishedIds,
  reserved,
  waiting,
} from './kernel.ts'

const QUEUE = 'inventory.queue'

const noting: Handler = on(OrderCreated, notes, {
  decide: ({ subject }, note) => ({ state: `${note ?? ''}x`, messages: note === undefined ? [reserved(subject)] : [] }),
})

const arrived = (id = 'order-1'): Arrived => {
  const { body, properties } = encode(registry, created(id), 'order-service', {})
  return { body, properties, exchange: 'order.exchange', routingKey: 'order.created', redelivered: false }
}

async function start(...handlers: Handler[]) {
  const test = await openKernel()
  const options = { queue: QUEUE, prefetch: 10, handlers }
  return { ...test, options, rehearse: createRehearsal(test.kernel, [options]) }
}

describe('a rehearsal', () => {
  it('tells what would be said and changed, and writes, says and keeps nothing', async () => {
    const test = await start(noting)
    expect(await test.rehearse(QUEUE, arrived())).toEqual({
      outcome: 'decided',
      says: [
        {
          id: 'order-1/inventory.reserved',
          type: 'inventory.reserved',
          subject: 'order-1',
          data: reserved('order-1').data,
          isTask: false,
        },
      ],
      changes: [{ state: 'effects', key: 'order-1' }],
      open: null,
      error: null,
    })
    expect([await effects(test), await outboxRows(test), publishedIds(test), await waiting(test)]).toEqual([
      [],
      0,
      [],
      [],
    ])
  })

  it('tells that what is too old would fail', async () => {
    const test = await start(noting)
    test.pass(400 * 86_400_000)
    const rehearse = createRehearsal({ ...test.kernel, oldestDays: 399 }, [test.options])
    expect(await rehearse(QUEUE, arrived())).toMatchObject({ outcome: 'fails', error: { code: 'too_old' } })
  })

  it('sees what is committed by then', async () => {
    const test = await start(noting)
    const consumer = consume(test.kernel, test.options)
    await test.broker.publish(arrived())
    await eventually('it is handled', async () => (await effects(test)).length === 1)
    expect(await test.rehearse(QUEUE, arrived())).toMatchObject({ says: [], changes: [{ key: 'order-1' }] })
    await consumer.close()
  })

  it('of a bug shows its error, and where it is', async () => {
    const buggy = on(OrderCreated, notes, {
      decide() {
        throw new TypeError('amount of undefined')
      },
    })
    const { rehearse } = await start(buggy)
    expect(await rehearse(QUEUE, arrived())).toMatchObject({
      outcome: 'fails',
      error: { code: 'TypeError', message: 'amount of undefined', stack: expect.stringContaining('rehearse.test.ts') },
      says: [],
      changes: [],
    })
  })

  it('of what nobody can read, or nobody here handles, or breaks its own contract, shows the error that it would end with', async () => {
    const { rehearse } = await start(
      on(OrderCreated, notes, { decide: ({ subject }) => ({ messages: [invalid(subject)] }) }),
    )
    const garbage = { ...arrived(), body: Buffer.from('garbage') }
    const reservation = encode(registry, reserved('order-1'), 'inventory-service', {})
    expect(await rehearse(QUEUE, garbage)).toMatchObject({ outcome: 'fails', error: { code: 'undecodable' } })
    expect(await rehearse(QUEUE, { ...arrived(), ...reservation })).toMatchObject({
      error: { code: 'unexpected_type' },
    })
    expect(await rehearse(QUEUE, arrived())).toMatchObject({ error: { code: 'invalid_message' } })
  })

  it('calls nobody outside: what follows is open, and named, unless the service knows that nothing need be asked', async () => {
    let calls = 0
    const asking = on<{ user: string }, string, string>(OrderCreated, notes, {
      guard: { name: 'the bank', isOpen: () => false },
      ask: async () => `call ${++calls}`,
      recall: (_, note) => (note === undefined ? undefined : { answer: note }),
      decide: ({ subject }, _, __, answer) => ({ state: answer, messages: [reserved(subject)] }),
    })
    const { ask: _, recall: __, ...unasked } = asking
    const test = await start(asking)
    const nothing = { outcome: 'open', open: 'the bank', says: [], changes: [] }
    expect(await test.rehearse(QUEUE, arrived())).toMatchObject(nothing)
    await test.database.run("insert into effects (id, note) values ('order-1', 'known')")
    expect(await test.rehearse(QUEUE, arrived())).toMatchObject({ outcome: 'decided', says: [{ subject: 'order-1' }] })
    expect(calls).toBe(0)
    const nameless = createRehearsal(test.kernel, [
      { ...test.options, handlers: [{ ...unasked, ask: async () => ++calls }] as Handler[] },
    ])
    expect(await nameless(QUEUE, arrived())).toMatchObject({ outcome: 'open' })
    expect(calls).toBe(0)
  })

  it('of a type that is retired would do nothing', async () => {
    const test = await start(noting)
    const rehearse = createRehearsal(test.kernel, [{ ...test.options, retired: [InventoryReserved.type] }])
    const reservation = encode(registry, reserved('order-1'), 'inventory-service', {})
    expect(await rehearse(QUEUE, { ...arrived(), ...reservation })).toMatchObject({
      outcome: 'decided',
      says: [],
      changes: [],
    })
  })

  describe('of a question', () => {
    const RPC = 'payment.rpc.queue'
    const confirming = answers(PaymentConfirm, ({ orderId }, now) => ({
      reads: () => [owned(notes, orderId)],
      decide(draft) {
        if (draft.get(notes, orderId) !== undefined) throw new RejectedError(409, 'not_awaiting', 'it is confirmed')
        draft.set(notes, orderId, now)
        return { result: { ...payment, orderId }, messages: [reserved(orderId)] }
      },
    }))
    const question = (data: unknown, headers = {}): Arrived => ({
      ...{ body: Buffer.from(JSON.stringify(data)), exchange: '', routingKey: RPC, redelivered: false },
      properties: { type: PaymentConfirm.type, headers },
    })
    const asked = question({ orderId: 'order-1' })

    async function start() {
      const test = await openKernel()
      const rehearse = createRehearsal(test.kernel, [], { queue: RPC, answerers: [confirming] })
      return { ...test, rehearse: (one = asked) => rehearse(RPC, one) }
    }

    it('tells what its answer would publish and change, and writes nothing', async () => {
      const test = await start()
      expect(await test.rehearse()).toMatchObject({
        ...{ outcome: 'decided', error: null, says: [{ id: 'order-1/inventory.reserved' }] },
        changes: [{ state: 'effects', key: 'order-1' }],
      })
      expect([await effects(test), await outboxRows(test)]).toEqual([[], 0])
    })

    it('tells that it would be refused, or dropped since nobody waits for the answer', async () => {
      const test = await start()
      const late = question({ orderId: 'order-1' }, { deadline: Date.parse(NOW) - 1 })
      const nothing = { outcome: 'decided', says: [], changes: [] }
      expect(await test.rehearse(late)).toMatchObject({ ...nothing, error: { code: 'deadline_passed' } })
      await test.database.run("insert into effects (id, note) values ('order-1', 'known')")
      expect(await test.rehearse()).toMatchObject({ ...nothing, error: { code: 'not_awaiting' } })
    })

    it.each([
      ['undecodable', { ...asked, body: Buffer.from('{') }],
      ['invalid_data', question({ orderId: 7 })],
      ['unknown_type', { ...asked, properties: { type: 'payment.burn', headers: {} } }],
      ['too_large', question({ orderId: 'x'.repeat(2_000_000) })],
    ])('that nobody can understand would fail: %s', async (code, one) => {
      expect(await (await start()).rehearse(one)).toMatchObject({ outcome: 'fails', error: { code } })
    })
  })

  it('of what is no message of this service is refused, and while the database is away nothing is claimed', async () => {
    const test = await start(noting)
    await expect(test.rehearse('payment.queue', arrived())).rejects.toMatchObject({
      status: 409,
      code: 'not_rehearsed',
    })
    const away = new TransientError('database_unavailable', 'gone', { isOutage: true })
    const database = { ...test.database, all: () => Promise.reject(away) }
    const rehearse = createRehearsal({ ...test.kernel, database }, [test.options])
    await expect(rehearse(QUEUE, arrived())).rejects.toBe(away)
  })
})
