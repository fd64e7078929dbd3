// Handlers that need order, or to run once: in every order of arrival, with repeats and failures. The same over every database.
import { describe, expect, it, onTestFinished } from 'vitest'
import { about } from '../../commit/work.ts'
import { InventoryReserved } from '../../contracts/index.ts'
import { encode } from '../../messaging/envelope.ts'
import { type Broker, type Handler, onMany, owned } from '../../messaging/index.ts'
import { handleDue } from '../../retries/due.ts'
import { instant, keptForSuccessor, keptOf } from '../../retries/kept.ts'
import { DEFAULT_PATIENCE, type Patience } from '../../retries/recoverability.ts'
import { retries } from '../../retries/retries.ts'
import { PermanentError, TransientError } from '../../runtime/errors.ts'
import { eventually, permutations } from '../../testing/index.ts'
import { consume } from '../consumer.ts'
import { EarlyError, inOrder, once } from '../in-order.ts'
import { turns } from '../turns.ts'
import { NOW, notes, type openKernel, type TestKernel, waiting } from './kernel.ts'

const QUEUE = 'payment.queue'
const MINUTE_MS = 60_000

/** A fact of a key: its position is what it tells. */
const fact = (key: string, position: number) => {
  const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 500 }]
  const data = { user: 'gayal', priority: 'standard' as const, lines, totalCents: position }
  return InventoryReserved.of(key, NOW, data, { detail: String(position) })
}

interface Ways {
  ask?: (position: number) => void
  refuse?: (position: number) => Error | undefined
  giveUp?: boolean
  keepDeadLetter?: boolean
  patience?: Patience
}

/** Appends each position to the note of its key: neither in any order nor twice is it the same. */
const appending = ({ ask, refuse, giveUp, keepDeadLetter, patience = DEFAULT_PATIENCE }: Ways = {}): Handler =>
  onMany(InventoryReserved, {
    ...(ask && { ask: async ({ data }) => ask(data.totalCents) }),
    reads: ({ subject }) => [owned(notes, subject)],
    decide({ subject, data: { totalCents } }, draft) {
      const refused = refuse?.(totalCents)
      if (refused) throw refused
      draft.set(notes, subject, `${draft.get(notes, subject) ?? ''}${totalCents}`)
      return []
    },
    ...(giveUp && {
      giveUp({ subject }, draft) {
        draft.set(notes, subject, `${draft.get(notes, subject) ?? ''}-`)
        return []
      },
    }),
    ...(keepDeadLetter && { keepDeadLetter }),
    patience,
  })

const counted = inOrder<{ totalCents: number }>(
  'test',
  ({ subject, data }) => ({ key: subject, position: data.totalCents }),
  { forMs: MINUTE_MS },
)

const published = (broker: Broker, key: string, position: number) =>
  broker.publish(
    encode(
      { contracts: new Map([[InventoryReserved.type, InventoryReserved]]), rpcs: [], sources: new Set() },
      fact(key, position),
      'test-service',
      {},
    ),
  )

const rows = async (of: Pick<TestKernel, 'database'>) =>
  (await waiting(of)).map(({ code, attempts, waitsFor, dueAt, endsAt }) => ({
    code,
    attempts,
    waitsFor,
    dueAt,
    endsAt,
  }))

export function inOrderSuite(name: string, { openKernel: open }: { openKernel: typeof openKernel }): void {
  describe(name, () => {
    async function handling(handler: Handler) {
      let wake: () => void = () => undefined
      const opened = await open({ rowDue: () => wake() })
      const { kernel, broker, memory } = opened
      const consumer = consume(kernel, { queue: QUEUE, prefetch: 64, handlers: [handler] })
      const due = handleDue(kernel, [consumer], [], 20)
      wake = due.wake
      onTestFinished(async () => {
        await consumer.close()
        await due.close()
      })
      const say = (key: string, position: number) => published(broker, key, position)
      const noteOf = async (key: string) => (await notes.load(opened.database, [key])).get(key)
      return {
        ...opened,
        say,
        noteOf,
        became: (key: string, note: string) =>
          eventually(`${key} is ${note}`, async () => (await noteOf(key)) === note),
        /** Everything that came is settled. */
        settled: () =>
          eventually('all is settled', () => memory.unsettled(QUEUE) + memory.messages(QUEUE).length === 0),
        dead: () => memory.messages('payment.dlq').map(({ properties }) => properties.headers['error-code']),
      }
    }

    it('whatever the order of arrival, and however often they come, facts are handled in their order, once', async () => {
      const { say, became, settled, dead, database } = await handling(counted(appending()))
      const orders = permutations([1, 2, 3, 4])
      await Promise.all(
        orders.map(async (order, index) => {
          for (const position of [...order, ...order]) await say(`k${index}`, position)
        }),
      )
      for (const index of orders.keys()) await became(`k${index}`, '1234')
      await settled()
      // That of what has come again in its turn ends by itself.
      await eventually('no row is left', async () => (await rows({ database })).length === 0)
      expect(dead()).toEqual([])
    })

    it('one that comes early waits as a row, without an attempt, until the one before it has been handled', async () => {
      const { say, became, settled, database, noteOf } = await handling(counted(appending()))
      await say('a', 1)
      await say('a', 3)
      await became('a', '1')
      await settled()
      const [row] = await eventually('it is kept', async () => {
        const found = await rows({ database })
        return found.length === 1 && found
      })
      const inAMinute = new Date(Date.parse(NOW) + MINUTE_MS).toISOString()
      expect(row).toEqual({
        code: 'early',
        attempts: 0,
        waitsFor: 'turn 2 of test a',
        dueAt: inAMinute,
        endsAt: inAMinute,
      })
      await say('b', 1)
      await became('b', '1')
      expect(await noteOf('a')).toBe('1')
      await say('a', 2)
      await became('a', '123')
      expect(await rows({ database })).toEqual([])
    })

    it('one that is kept by the group that handles the one before it is due, whatever the group saves first', async () => {
      const { commit, database } = await open()
      const early = new EarlyError('test a', 1, MINUTE_MS)
      const arrived = { exchange: '', routingKey: QUEUE, body: Buffer.from('2'), properties: { headers: {} } }
      const kept = keptForSuccessor(
        keptOf(QUEUE, arrived, NOW),
        early,
        early.waitsFor,
        instant(Date.parse(NOW) + MINUTE_MS),
      )
      const handled = (key: string) =>
        commit.submit(about(turns, key, () => ({ state: { position: 1, at: NOW }, result: key, messages: [] })))
      await Promise.all([
        handled('test b'),
        commit.submit(about(retries, kept.id, () => ({ state: kept, result: kept.id, messages: [] }))),
        handled('test a'),
      ])
      expect(await rows({ database })).toEqual([
        { code: 'early', attempts: 0, waitsFor: null, dueAt: NOW, endsAt: null },
      ])
    })

    it('one that waits for too long is a dead letter, and can be sent again', async () => {
      const { say, became, pass, dead, memory, broker, database } = await handling(counted(appending()))
      await say('a', 2)
      await eventually('it is kept', async () => (await rows({ database })).length === 1)
      pass(MINUTE_MS)
      await eventually('it is a dead letter', () => dead().length === 1)
      await eventually('its row is gone', async () => (await rows({ database })).length === 0)
      expect(dead()).toEqual(['early'])
      expect(memory.messages(QUEUE)).toEqual([])
      await published(broker, 'a', 1)
      await became('a', '1')
      await published(broker, 'a', 2)
      await became('a', '12')
    })

    it('while one is tried again those after it wait, and their own patience begins with their own failure', async () => {
      let isDown = true
      const refuse = (position: number) => {
        if (position === 1 && isDown) return new TransientError('down', 'not now')
        return position === 2 ? new TransientError('never', 'not ever') : undefined
      }
      const patience = { waitsMs: [1_000], forMs: 30_000 } as const
      const { say, became, pass, database, dead } = await handling(counted(appending({ refuse, patience })))
      await say('a', 2)
      await eventually('the second waits', async () => (await rows({ database })).some(({ code }) => code === 'early'))
      await say('a', 1)
      await eventually('the first has failed', async () =>
        (await rows({ database })).some(({ code }) => code === 'down'),
      )
      isDown = false
      // Longer than the patience of either.
      pass(40_000)
      await became('a', '1')
      await eventually('the second has failed', async () =>
        (await rows({ database })).some(({ code }) => code === 'never'),
      )
      pass(20_000)
      await eventually('it has failed again', async () =>
        (await rows({ database })).some(({ attempts, dueAt }) => attempts === 2 && dueAt < '2026-11-21T08:01:30.000Z'),
      )
      expect(dead()).toEqual([])
    })

    it('what is given up by a decision has had its turn', async () => {
      const refuse = (position: number) =>
        position === 1 ? new PermanentError('refused', 'no', { isOutside: true }) : undefined
      const { say, became } = await handling(counted(appending({ refuse, giveUp: true })))
      await say('a', 2)
      await say('a', 1)
      await became('a', '-2')
      expect(() => counted(appending({ giveUp: true, keepDeadLetter: true }))).toThrow('cannot have keepDeadLetter')
    })

    it('nobody outside is asked about what is early or was handled', async () => {
      const asked: number[] = []
      const { say, became, settled } = await handling(
        counted(appending({ ask: (position) => void asked.push(position) })),
      )
      await say('a', 2)
      await settled()
      expect(asked).toEqual([])
      await say('a', 1)
      await became('a', '12')
      await say('a', 1)
      await settled()
      expect(asked).toEqual([1, 2])
    })

    it('what has no place is a dead letter', async () => {
      const odd = inOrder('odd', ({ subject }) => ({ key: subject, position: 0.5 }))
      const { say, dead } = await handling(odd(appending()))
      await say('a', 1)
      await eventually('it is a dead letter', () => dead().length === 1)
      expect(dead()).toEqual(['bad_position'])
    })

    it('a handler that runs once adds up once, however often its message comes, together or later', async () => {
      const asked: number[] = []
      const { say, became, settled, noteOf } = await handling(
        once('adding')(appending({ ask: (position) => void asked.push(position) })),
      )
      await Promise.all([say('a', 1), say('a', 1), say('a', 1)])
      await became('a', '1')
      await settled()
      const askedBefore = asked.length
      await say('a', 1)
      await settled()
      expect(await noteOf('a')).toBe('1')
      expect(asked).toHaveLength(askedBefore)
      await say('a', 2)
      await became('a', '12')
    })

    it('a decision that fails is not noted, and one that gives up is, unless its dead letter is kept', async () => {
      let isDown = true
      const refuse = () => (isDown ? new PermanentError('refused', 'no', { isOutside: true }) : undefined)
      const ending = await handling(once('adding')(appending({ refuse, giveUp: true })))
      await ending.say('a', 1)
      await ending.became('a', '-')
      const kept = await handling(once('adding')(appending({ refuse, giveUp: true, keepDeadLetter: true })))
      await kept.say('a', 1)
      await kept.became('a', '-')
      isDown = false
      await ending.say('a', 1)
      await kept.say('a', 1)
      await kept.became('a', '-1')
      await ending.settled()
      expect(await ending.noteOf('a')).toBe('-')
    })
  })
}
