// The outbox's promise, on any database: what is committed is published at least once, whatever crashes when, and then forgotten.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { registry, topology } from '../../contracts/index.ts'
import {
  around,
  manualTime,
  notes,
  type openKernel as openSqliteKernel,
  outboxRows,
  publishedIds,
  reserved,
  type TestKernel,
} from '../../handling/test/kernel.ts'
import type { Broker, Publication } from '../../messaging/broker.ts'
import { encode } from '../../messaging/envelope.ts'
import { deferred } from '../../runtime/deferred.ts'
import type { Database } from '../../storage/index.ts'
import { createMemoryBroker, eventually } from '../../testing/index.ts'
import { createOutbox } from '../outbox.ts'
import type { Recorded } from '../outbox-rows.ts'
import { about } from '../work.ts'

const publicationOf = (orderId: string): Publication => encode(registry, reserved(orderId), 'test-service', {})
const idOf = (orderId: string) => `${orderId}/inventory.reserved`

/** Records and commits without sending, as a process does that dies right after its commit. */
function leaveBehind({ database, outbox }: TestKernel, ...orderIds: string[]): Promise<Recorded[]> {
  return database.transaction((tx) => outbox.record(tx, orderIds.map(publicationOf)))
}

/** As a group does that commits. */
async function forgetConfirmed({ database, outbox }: Pick<TestKernel, 'database' | 'outbox'>): Promise<void> {
  const confirmed = outbox.takeConfirmed()
  await database.transaction((tx) => confirmed.forget(tx))
  confirmed.ended(true)
}

const saying = (orderId: string) => about(notes, orderId, () => ({ result: orderId, messages: [reserved(orderId)] }))

/** The sequences that are deleted, by transaction. */
function watchingDeletions(database: Database): { database: Database; deleted: unknown[][] } {
  const deleted: unknown[][] = []
  const watched: Database = {
    ...database,
    transaction: (work) =>
      database.transaction((tx) =>
        work({
          ...tx,
          run(sql, ...values) {
            if (sql.startsWith('delete from outbox ')) deleted.push(values.flat())
            return tx.run(sql, ...values)
          },
        }),
      ),
  }
  return { database: watched, deleted }
}

/** A broker whose confirms come when the test says so. */
function heldBroker(broker: Broker): Broker & { confirmOne(): Promise<void>; held(): number } {
  const held: { publication: Publication; done: ReturnType<typeof deferred> }[] = []
  return {
    ...broker,
    publish(publication) {
      const done = deferred()
      held.push({ publication, done })
      return done.promise
    },
    async confirmOne() {
      const first = held.shift()
      if (first) await broker.publish(first.publication).then(first.done.resolve)
    },
    held: () => held.length,
  }
}

interface Options {
  openKernel: (options?: Parameters<typeof openSqliteKernel>[0]) => Promise<TestKernel>
}

export function outboxSuite(name: string, { openKernel }: Options): void {
  describe(`the outbox on ${name}`, () => {
    // What is confirmed is forgotten, and the table looked into, when a test says so, and not when it takes a second.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    describe('a recorded message', () => {
      it('is published exactly as recorded: address, bytes and properties', async () => {
        const kernel = await openKernel()
        const publication = publicationOf('order-1')
        await kernel.database.transaction((tx) => kernel.outbox.record(tx, [publication]))

        await kernel.outbox.sweep()

        const [message] = await eventually('it arrives', () => {
          const messages = kernel.memory.messages('payment.queue')
          return messages.length > 0 && messages
        })
        expect(message).toEqual({ body: publication.body.toString(), properties: publication.properties })
      })

      it('is forgotten, once confirmed, inside the next group', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)
        expect(await outboxRows(kernel)).toBe(1)

        await kernel.commit.submit(saying('order-2'))

        const rows = await kernel.database.all<{ body: string }>('select body from outbox')
        expect(rows.map(({ body }) => JSON.parse(body).subject)).toEqual(['order-2'])
      })

      it('is forgotten after a second even when no other group comes along', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)

        vi.advanceTimersByTime(1_000)

        await eventually('the row is gone', async () => (await outboxRows(kernel)) === 0)
        // Told a moment after the commit.
        await eventually('nothing is left to forget', () => kernel.outbox.pending().confirmed === 0)
        expect(kernel.outbox.pending()).toEqual({ underWay: 0, confirmed: 0 })
      })

      it('is not forgotten when the transaction that forgets it fails', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)

        const taken = kernel.outbox.takeConfirmed()
        const failed = kernel.database.transaction(async (tx) => {
          await taken.forget(tx)
          throw new Error('disk I/O error')
        })
        await expect(failed).rejects.toThrow('disk I/O error')
        taken.ended(false)

        expect(await outboxRows(kernel)).toBe(1)
        expect(kernel.outbox.pending().confirmed).toBe(1)
        await forgetConfirmed(kernel)
        expect(await outboxRows(kernel)).toBe(0)
      })

      it('is forgotten by a later group when the one that was to forget it fails', async () => {
        let isFull = false
        const kernel = await openKernel({
          wrap: (database) =>
            around(database, async (run) => {
              const outcome = await run()
              if (isFull) throw new Error('disk I/O error')
              return outcome
            }),
        })
        const submit = (orderId: string) => kernel.commit.submit(saying(orderId)).catch((error: Error) => error.message)
        await submit('order-1')
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)

        isFull = true
        expect(await submit('order-2')).toBe('disk I/O error')

        expect([await outboxRows(kernel), kernel.outbox.pending().confirmed]).toEqual([1, 1])
        isFull = false
        await submit('order-3')
        const rows = await kernel.database.all<{ body: string }>('select body from outbox')
        expect(rows.map(({ body }) => JSON.parse(body).subject)).toEqual(['order-3'])
      })

      it('confirmed while a transaction runs is forgotten by the next one', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)

        const taken = kernel.outbox.takeConfirmed()
        await kernel.database.transaction(async (tx) => {
          await taken.forget(tx)
          kernel.outbox.send(await kernel.outbox.record(tx, [publicationOf('order-2')]))
          await eventually('the second confirm is here', () => kernel.outbox.pending().confirmed === 1)
        })
        taken.ended(true)

        expect(kernel.outbox.pending().confirmed).toBe(1)
        await forgetConfirmed(kernel)
        expect(await outboxRows(kernel)).toBe(0)
      })

      it('is forgotten by one of the groups that are under way at one time', async () => {
        const gates: ReturnType<typeof deferred<void>>[] = []
        let watched: ReturnType<typeof watchingDeletions> | undefined
        let isHeld = false
        const kernel = await openKernel({
          wrap(database) {
            watched = watchingDeletions(database)
            const { transaction } = watched.database
            return {
              ...watched.database,
              writersMax: 2,
              async transaction(work) {
                const gate = deferred()
                gates.push(gate)
                if (isHeld) await gate.promise
                return transaction(work)
              },
            }
          },
        })
        const confirmed = (count: number) =>
          eventually(`${count} are confirmed`, () => kernel.outbox.pending().confirmed === count)
        await Promise.all(['a', 'b'].map((id) => kernel.commit.submit(saying(id))))
        await confirmed(2)
        const begun = gates.length
        isHeld = true
        const first = kernel.commit.submit(saying('c'))
        await eventually('the first one is under way', () => gates.length === begun + 1)
        const second = kernel.commit.submit(saying('d'))
        await eventually('the second one too', () => gates.length === begun + 2)

        isHeld = false
        for (const gate of gates) gate.resolve()
        await Promise.all([first, second])

        expect(watched?.deleted.map((sequences) => sequences.length)).toEqual([2])
        await confirmed(2)
        await kernel.commit.submit(saying('e'))
        const all = watched?.deleted.flat() ?? []
        expect([all.length, new Set(all).size, await outboxRows(kernel)]).toEqual([4, 4, 1])
      })

      it('is not published again by a look into the table while it is being forgotten', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await eventually('the confirm is here', () => kernel.outbox.pending().confirmed === 1)

        const taken = kernel.outbox.takeConfirmed()
        await kernel.outbox.sweep()
        taken.ended(false)
        await kernel.outbox.sweep()
        await eventually('nothing is under way', () => kernel.outbox.pending().underWay === 0)

        expect(publishedIds(kernel)).toEqual([idOf('order-1')])
        expect(kernel.outbox.pending().confirmed).toBe(1)
      })

      it('confirmed and forgotten while the table is being read is not published again', async () => {
        const kernel = await openKernel()
        const held = heldBroker(kernel.broker)
        const answer = deferred()
        const database: Database = {
          ...kernel.database,
          async all(sql, ...values) {
            const rows = await kernel.database.all<never>(sql, ...values)
            await answer.promise
            return rows
          },
        }
        const outbox = createOutbox({ database, broker: held, log: kernel.log, now: kernel.now })
        outbox.send(await database.transaction((tx) => outbox.record(tx, [publicationOf('order-1')])))

        const looking = outbox.sweep()
        await held.confirmOne()
        await eventually('the confirm is here', () => outbox.pending().confirmed === 1)
        await forgetConfirmed({ database, outbox })
        answer.resolve()
        await looking

        expect(held.held()).toBe(0)
        expect(publishedIds(kernel)).toEqual([idOf('order-1')])
        await outbox.close()
      })

      it('stays in the table when the broker is closed', async () => {
        const kernel = await openKernel()
        await kernel.broker.close(0)

        await kernel.commit.submit(saying('order-1'))

        await eventually('it is given up in memory', () => kernel.outbox.pending().underWay === 0)
        expect(await outboxRows(kernel)).toBe(1)
        expect(kernel.outbox.pending().confirmed).toBe(0)
      })
    })

    describe('what a crash left behind', () => {
      it('is published by the next start (no zombie record)', async () => {
        const kernel = await openKernel()
        const ids = Array.from({ length: 1_203 }, (_, index) => `order-${String(index).padStart(4, '0')}`)
        await leaveBehind(kernel, ...ids)
        const database = await kernel.again()
        const next = createOutbox({ database, broker: kernel.broker, log: kernel.log, now: kernel.now })

        await next.sweep()

        await eventually('all are confirmed', () => next.pending().confirmed === ids.length)
        expect(publishedIds(kernel)).toEqual(ids.map(idOf))
        await forgetConfirmed({ database, outbox: next })
        expect(await outboxRows(kernel)).toBe(0)
        await next.close()
        await database.close()
      })

      it('is published by a living copy after a minute, and not before', async () => {
        const kernel = await openKernel()
        await leaveBehind(kernel, 'order-1')
        let current = kernel.now()
        const copy = createOutbox({
          database: kernel.database,
          broker: kernel.broker,
          log: kernel.log,
          now: () => current,
        })

        current = new Date(kernel.now().getTime() + 59_000)
        await vi.advanceTimersByTimeAsync(60_000)
        expect(copy.pending()).toEqual({ underWay: 0, confirmed: 0 })

        current = new Date(kernel.now().getTime() + 121_000)
        // A look that is under way still goes by the time at which it began; the next one does not.
        await eventually('it is confirmed', async () => {
          await vi.advanceTimersByTimeAsync(10_000)
          return copy.pending().confirmed === 1
        })
        expect(publishedIds(kernel)).toEqual([idOf('order-1')])
        await copy.close()
      })

      it('by a commit of unknown outcome is found by the clock, however late the commit comes to light', async () => {
        const kernel = await openKernel()
        kernel.outbox.lookAgain()
        await kernel.outbox.sweep()
        await leaveBehind(kernel, 'order-1')
        await eventually('it is published', async () => {
          await vi.advanceTimersByTimeAsync(10_000)
          return publishedIds(kernel).includes(idOf('order-1'))
        })
      })

      it('is published even when the clock was set back meanwhile', async () => {
        const kernel = await openKernel()
        await leaveBehind(kernel, 'order-1')
        const now = () => new Date('2001-01-01T00:00:00Z')
        const next = createOutbox({ database: kernel.database, broker: kernel.broker, log: kernel.log, now })

        await next.sweep()

        await eventually('it is confirmed', () => next.pending().confirmed === 1)
        await next.close()
      })

      it('is not published twice by a sweep while it is under way or confirmed', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saying('order-1'))
        await Promise.all([kernel.outbox.sweep(), kernel.outbox.sweep()])
        await eventually('it is confirmed', () => kernel.outbox.pending().confirmed === 1)

        await kernel.outbox.sweep()
        await eventually('nothing is under way', () => kernel.outbox.pending().underWay === 0)

        expect(publishedIds(kernel)).toEqual([idOf('order-1')])
      })
    })

    describe('a flood', () => {
      it('is bounded in memory: the rest waits in the table and goes out, each once, when there is room', async () => {
        const kernel = await openKernel()
        const broker = heldBroker(kernel.broker)
        const { database, log, now } = kernel
        const outbox = createOutbox({ database, broker, log, now, underWayMax: 3 })
        const ids = Array.from({ length: 25 }, (_, index) => `order-${index}`)
        for (const id of ids) outbox.send(await database.transaction((tx) => outbox.record(tx, [publicationOf(id)])))
        expect(outbox.pending().underWay).toBe(3)

        for (let confirmed = 0; confirmed < ids.length; confirmed++) {
          await eventually('something is under way', () => broker.held() > 0)
          expect(outbox.pending().underWay).toBeLessThanOrEqual(3)
          await broker.confirmOne()
        }

        expect(outbox.pending()).toEqual({ underWay: 0, confirmed: ids.length })
        expect(publishedIds(kernel).sort()).toEqual(ids.map(idOf).sort())
        await forgetConfirmed({ database, outbox })
        expect(await outboxRows(kernel)).toBe(0)
        await outbox.close()
      })

      it('larger than memory left by a crash goes out in parts', async () => {
        const kernel = await openKernel()
        const ids = Array.from({ length: 700 }, (_, index) => `order-${index}`)
        await leaveBehind(kernel, ...ids)
        const { database, broker, log, now } = kernel
        const outbox = createOutbox({ database, broker, log, now, underWayMax: 40 })

        await outbox.sweep()

        await eventually('all are confirmed', () => outbox.pending().confirmed === ids.length)
        expect(publishedIds(kernel).sort()).toEqual(ids.map(idOf).sort())
        await outbox.close()
      })

      it('goes on after the table could not be read', async () => {
        const kernel = await openKernel()
        const held = heldBroker(kernel.broker)
        let readable = true
        const database: typeof kernel.database = {
          ...kernel.database,
          all: (sql, ...values) =>
            readable ? kernel.database.all(sql, ...values) : Promise.reject(new Error('disk I/O error')),
        }
        const outbox = createOutbox({ database, broker: held, log: kernel.log, now: kernel.now, underWayMax: 2 })
        for (const id of ['a', 'b', 'c', 'd', 'e'])
          outbox.send(await database.transaction((tx) => outbox.record(tx, [publicationOf(id)])))

        readable = false
        await held.confirmOne()
        await held.confirmOne()
        await eventually('the failure is told', () =>
          kernel.lines.some(({ msg }) => msg === 'outbox: cannot read left-behind rows'),
        )
        readable = true
        await outbox.sweep()
        for (let rest = 0; rest < 3; rest++) {
          await eventually('something is under way', () => held.held() > 0)
          await held.confirmOne()
        }

        expect(publishedIds(kernel)).toEqual(['a', 'b', 'c', 'd', 'e'].map(idOf))
        await outbox.close()
      })

      it('is not read again and again while it cannot be read', async () => {
        const kernel = await openKernel()
        const turn = () => new Promise((next) => setImmediate(next))
        let reads = 0
        const away = async () => {
          reads++
          await turn()
          throw new Error('the database is away')
        }
        const database = { ...kernel.database, transaction: away, all: away }
        const outbox = createOutbox({ database, broker: kernel.broker, log: kernel.log, now: kernel.now })

        await expect(outbox.sweep()).rejects.toThrow('the database is away')
        for (let turns = 0; turns < 20; turns++) await turn()

        expect(reads).toBe(1)
      })
    })

    describe('two copies over one database', () => {
      it('never take a new row for one that the other has published and forgotten', async () => {
        const kernel = await openKernel()
        const { database, log, now } = kernel
        const copies = [1, 2].map(() => createOutbox({ database, broker: kernel.broker, log, now }))
        const [one, two] = copies
        if (!one || !two) throw new Error('two copies')
        one.send(await database.transaction((tx) => one.record(tx, [publicationOf('order-1')])))
        await two.sweep()
        await eventually('both have it confirmed', () => copies.every((copy) => copy.pending().confirmed === 1))

        await forgetConfirmed({ database, outbox: one })
        await database.transaction((tx) => one.record(tx, [publicationOf('order-2')]))
        await forgetConfirmed({ database, outbox: two })

        expect(await outboxRows(kernel)).toBe(1)
        await Promise.all(copies.map((copy) => copy.close()))
      })
    })

    describe('a broker that is away for longer than a dead copy is waited for', () => {
      /** Two copies of which the first has recorded what it cannot publish; time passes for both. */
      async function waiting() {
        const kernel = await openKernel()
        const { database, log } = kernel
        let nowMs = kernel.now().getTime()
        const now = () => new Date(nowMs)
        const brokers = [heldBroker(kernel.broker), heldBroker(kernel.broker)] as const
        const copies = brokers.map((broker) => createOutbox({ database, broker, log, now }))
        const [one, two] = copies
        if (!one || !two) throw new Error('two copies')
        one.send(await database.transaction((tx) => one.record(tx, ['order-1', 'order-2'].map(publicationOf))))
        async function pass(minutes: number, living = copies): Promise<void> {
          for (let steps = 0; steps < minutes * 6; steps++) {
            nowMs += 10_000
            vi.advanceTimersByTime(10_000)
            // Each has just begun to look into the table, and who asks meanwhile gets that look.
            await Promise.all(living.map((copy) => copy.sweep()))
          }
        }
        return { kernel, one, two, brokers, pass }
      }

      it('does not make two living copies publish the same rows', async () => {
        const { kernel, one, two, brokers, pass } = await waiting()
        await pass(5)
        expect(brokers.map((broker) => broker.held())).toEqual([2, 0])
        for (const broker of brokers) while (broker.held() > 0) await broker.confirmOne()
        await eventually('they are confirmed', () => one.pending().confirmed === 2)
        expect(publishedIds(kernel)).toEqual(['order-1', 'order-2'].map(idOf))
        await Promise.all([one.close(), two.close()])
      })

      it('keeps no rows for a copy that died meanwhile', async () => {
        const { kernel, one, two, brokers, pass } = await waiting()
        await pass(3)
        await one.close()
        await pass(2, [two])
        expect(brokers[1].held()).toBe(2)
        while (brokers[1].held() > 0) await brokers[1].confirmOne()
        await eventually('they are confirmed', () => two.pending().confirmed === 2)
        expect(publishedIds(kernel)).toEqual(['order-1', 'order-2'].map(idOf))
        await two.close()
      })
    })

    describe('a message that no queue takes', () => {
      it('stays under way and arrives when a queue is there', async () => {
        const time = manualTime()
        const bindings = [...topology.bindings]
        const kernel = await openKernel()
        const without = {
          ...topology,
          bindings: topology.bindings.filter(({ source }) => source !== 'inventory.exchange'),
        }
        without.exchanges = without.exchanges.map(({ alternate: _, ...exchange }) => exchange)
        const memory = createMemoryBroker(without, time.schedule)
        const { database, log, now } = kernel
        const outbox = createOutbox({ database, broker: memory.connect('test'), log, now })
        outbox.send(await database.transaction((tx) => outbox.record(tx, [publicationOf('order-1')])))
        time.advance(5_000)
        expect(outbox.pending()).toEqual({ underWay: 1, confirmed: 0 })

        without.bindings = bindings
        await eventually('it is confirmed', () => {
          time.advance(1_000)
          return outbox.pending().confirmed === 1
        })
        expect(memory.messages('payment.queue')).toHaveLength(1)
        await outbox.close()
      })
    })
  })
}
