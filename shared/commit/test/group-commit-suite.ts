// Group commit's promise, on any database: resolved means committed and recorded, rejected means that nothing of it exists.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  appending,
  around,
  effects,
  invalid,
  notes,
  type openKernel as openSqliteKernel,
  outboxRows,
  publishedIds,
  reserved,
  saving,
  type TestKernel,
} from '../../handling/test/kernel.ts'
import { deferred } from '../../runtime/deferred.ts'
import { PermanentError, RejectedError, TransientError } from '../../runtime/errors.ts'
import type { Database } from '../../storage/index.ts'
import { owned, type State } from '../../storage/state.ts'
import { eventually } from '../../testing/index.ts'
import { about, type Work } from '../work.ts'

/** Changes something, and then cannot go on. */
const failing = (id: string): Work<string> => ({
  reads: () => [owned(notes, id)],
  decide(draft) {
    draft.set(notes, id, 'test')
    throw new PermanentError('refused', `${id} is refused`)
  },
})

const sayingNonsense = (id: string): Work<string> =>
  about(notes, id, () => ({ state: 'test', result: id, messages: [reserved(id), invalid(id)] }))

const idOf = (id: string) => `${id}/inventory.reserved`
const published = async (kernel: TestKernel, ids: string[]) =>
  expect(
    await eventually('all is published', () => publishedIds(kernel).length >= ids.length && publishedIds(kernel)),
  ).toEqual(ids.map(idOf))

interface Options {
  openKernel: (options?: Parameters<typeof openSqliteKernel>[0]) => Promise<TestKernel>
  /** A statement that costs the whole transaction, and the error of whoever ran it. */
  breaking: { statement: string; error: object }
  /** How many random stories; each may cost several connections. */
  runs: number
}

export function groupCommitSuite(name: string, { openKernel, breaking, runs }: Options): void {
  describe(`group commit on ${name}`, () => {
    // No group comes but of what a test submits: after a second without one, the next would forget what is confirmed.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    /** What cannot be saved. */
    const unsavable: State<string> = {
      name: 'unsavable',
      load: async () => new Map(),
      save: (tx) => tx.run(breaking.statement),
    }
    const breakingTheTransaction = (id: string): Work<string> => ({
      reads: () => [owned(notes, id), owned(unsavable, id)],
      decide(draft) {
        draft.set(notes, id, 'test')
        draft.set(unsavable, id, 'test')
        return { result: id, messages: [reserved(id)] }
      },
    })

    describe('a group', () => {
      it('shares one transaction among all that waits at the same moment', async () => {
        let transactions = 0
        const kernel = await openKernel({
          wrap: (database) =>
            around(database, (run) => {
              transactions++
              return run()
            }),
        })
        const ids = Array.from({ length: 50 }, (_, index) => `order-${String(index).padStart(2, '0')}`)

        const results = await Promise.all(ids.map((id) => kernel.commit.submit(saving(id))))

        expect(results).toEqual(ids)
        expect(transactions).toBe(1)
        expect(await effects(kernel)).toEqual(ids)
        await published(kernel, ids)
      })

      it('has a limit: what is more waits for the next', async () => {
        const groups: number[] = []
        const { commit } = await openKernel({ groupMax: 4, committed: (members) => groups.push(members) })

        await Promise.all(Array.from({ length: 10 }, (_, index) => commit.submit(saving(`order-${index}`))))

        // On some databases they are under way at one time, and the smallest is the first to end.
        expect(groups.sort()).toEqual([2, 4, 4])
      })

      it('undoes only the member that fails, its changes and its messages, and tells it its own error', async () => {
        const kernel = await openKernel()
        const { commit } = kernel

        const verdicts = await Promise.allSettled([
          commit.submit(saving('a')),
          commit.submit(failing('b')),
          commit.submit(sayingNonsense('c')),
          commit.submit(saving('d')),
        ])

        expect(verdicts).toMatchObject([
          { status: 'fulfilled', value: 'a' },
          { status: 'rejected', reason: { name: 'PermanentError', code: 'refused', message: 'b is refused' } },
          { status: 'rejected', reason: { name: 'PermanentError', code: 'invalid_message' } },
          { status: 'fulfilled', value: 'd' },
        ])
        expect(await effects(kernel)).toEqual(['a', 'd'])
        await published(kernel, ['a', 'd'])
      })

      it('is tried one by one when the transaction as a whole fails', async () => {
        const members: number[] = []
        let committedRows = 0
        const kernel = await openKernel({
          committed: (count) => members.push(count),
          wrap: (database) =>
            around(database, async (run, tx) => {
              const outcome = await run()
              const saved = await tx.get<{ rows: number }>(
                'select count(*) as rows from effects where note = ?',
                'test',
              )
              // As a disk that has room for one more row, and not for three.
              if ((saved?.rows ?? 0) - committedRows > 1) throw new Error('disk I/O error')
              committedRows = saved?.rows ?? 0
              return outcome
            }),
        })

        const verdicts = await Promise.allSettled([
          kernel.commit.submit(saving('a')),
          kernel.commit.submit(failing('b')),
          kernel.commit.submit(saving('c')),
          kernel.commit.submit(saving('d')),
        ])

        expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
        expect(members).toEqual([1, 1, 1, 1])
        expect(await effects(kernel)).toEqual(['a', 'c', 'd'])
        await published(kernel, ['a', 'c', 'd'])
      })

      it('is not spoiled by a member that costs the whole transaction', async () => {
        const kernel = await openKernel()
        const { commit } = kernel

        const verdicts = await Promise.allSettled([
          commit.submit(saving('a')),
          commit.submit(breakingTheTransaction('b')),
          commit.submit(saving('c')),
        ])

        expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
        expect(await effects(kernel)).toEqual(['a', 'c'])
        await published(kernel, ['a', 'c'])
      })

      it('is told what was wrong when it broke the transaction', async () => {
        const { commit } = await openKernel()

        const verdict = await commit.submit(breakingTheTransaction('b')).catch((error: unknown) => error)

        expect(verdict).toMatchObject(breaking.error)
      })

      it('is told so as well when other statements were sent together with the one that broke it', async () => {
        const kernel = await openKernel()
        await kernel.commit.submit(saving('a'))
        await eventually('there is a row to forget', () => kernel.outbox.pending().confirmed === 1)

        const verdict = await kernel.commit.submit(breakingTheTransaction('b')).catch((error: unknown) => error)

        expect(verdict).toMatchObject(breaking.error)
        expect(await effects(kernel)).toEqual(['a'])
      })

      it('publishes nothing, keeps nothing and rejects when nothing can be committed (no ghost message)', async () => {
        const full = new Error('database or disk is full')
        const kernel = await openKernel({
          wrap: (database) => around(database, (run) => run().then(() => Promise.reject(full))),
        })

        const verdicts = await Promise.allSettled([
          kernel.commit.submit(saving('a')),
          kernel.commit.submit(saving('b')),
        ])

        expect(verdicts).toEqual([
          { status: 'rejected', reason: full },
          { status: 'rejected', reason: full },
        ])
        expect(await effects(kernel)).toEqual([])
        expect(await outboxRows(kernel)).toBe(0)
        expect(kernel.broker.status().unconfirmed).toBe(0)
        expect(publishedIds(kernel)).toEqual([])
      })

      it('is told at once of an outage, all of it: nobody is tried one by one', async () => {
        const outage = new TransientError('disk_full', 'no space left', { isOutage: true })
        let transactions = 0
        const kernel = await openKernel({
          wrap: (database) =>
            around(database, async (run) => {
              transactions++
              await run()
              throw outage
            }),
        })

        const verdicts = await Promise.allSettled(['a', 'b', 'c'].map((id) => kernel.commit.submit(saving(id))))

        expect(verdicts).toEqual(Array(3).fill({ status: 'rejected', reason: outage }))
        expect(transactions).toBe(1)
        expect(await effects(kernel)).toEqual([])
      })

      it('whose members are tried one by one is told of an outage by the first who meets it', async () => {
        const outage = new TransientError('disk_full', 'no space left', { isOutage: true })
        let transactions = 0
        const kernel = await openKernel({
          wrap: (database) =>
            around(database, async (run) => {
              transactions++
              const outcome = await run()
              if (transactions === 1) throw new Error('cannot be saved')
              if (transactions === 3) throw outage
              return outcome
            }),
        })

        const verdicts = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => kernel.commit.submit(saving(id))))

        const rejected = { status: 'rejected', reason: outage }
        expect(verdicts).toEqual([{ status: 'fulfilled', value: 'a' }, rejected, rejected, rejected])
        expect(transactions).toBe(3)
        expect(await effects(kernel)).toEqual(['a'])
      })

      it('of unknown outcome: what it said is published, though the table was looked into before its commit was there', async () => {
        let late = async () => {}
        let transactions = 0
        const kernel: TestKernel = await openKernel({
          wrap: (database) => ({
            ...database,
            async transaction<T>(work: Parameters<Database['transaction']>[0]) {
              transactions += 1
              if (transactions === 1) {
                late = async () => void (await database.transaction(work))
                throw new TransientError('commit_unknown', 'the connection was lost while committing', {
                  isInterrupted: true,
                })
              }
              if (transactions === 2) {
                await kernel.outbox.sweep()
                await late()
              }
              return database.transaction(work) as Promise<T>
            },
          }),
        })
        const once = about(notes, 'a', (known) =>
          known === undefined
            ? { state: 'once', result: 'new', messages: [reserved('a')] }
            : { result: 'known', messages: [] },
        )
        expect(await kernel.commit.submit(once)).toBe('known')
        await published(kernel, ['a'])
      })

      it('is not run again when what comes after the commit fails', async () => {
        let runs = 0
        const unhandled = deferred<unknown>()
        const listeners = process.listeners('unhandledRejection')
        process.removeAllListeners('unhandledRejection')
        process.once('unhandledRejection', unhandled.resolve)
        try {
          const kernel = await openKernel({
            committed: () => {
              throw new Error('a fault in the metrics')
            },
          })
          const submitted = kernel.commit.submit(
            about(notes, 'a', () => {
              runs++
              return { state: 'test', result: 'a', messages: [reserved('a')] }
            }),
          )

          expect(await submitted).toBe('a')
          // A fault of ours is not hidden: it ends the process, as any other does.
          expect(await unhandled.promise).toMatchObject({ message: 'a fault in the metrics' })
          expect(runs).toBe(1)
          await published(kernel, ['a'])
        } finally {
          for (const listener of listeners) process.on('unhandledRejection', listener)
          // The kernel's close waits for what has failed here: Node would warn that this is late.
          process.once('rejectionHandled', () => undefined)
        }
      })
    })

    describe('a submitted piece of work', () => {
      it('is resolved, and its messages leave, only after the commit', async () => {
        const gate = deferred()
        const reached = deferred()
        const kernel = await openKernel({
          wrap: (database) =>
            around(database, async (run) => {
              const outcome = await run()
              reached.resolve()
              await gate.promise
              return outcome
            }),
        })
        let resolved = false
        const submitted = kernel.commit.submit(saving('a')).then(() => {
          resolved = true
        })

        await reached.promise
        await new Promise((turn) => setImmediate(turn))
        expect({ resolved, rows: await effects(kernel), sent: kernel.broker.status().unconfirmed }).toEqual({
          resolved: false,
          rows: [],
          sent: 0,
        })

        gate.resolve()
        await submitted
        expect(await effects(kernel)).toEqual(['a'])
        await published(kernel, ['a'])
      })

      it('waits for nobody: alone, it is a group of one', async () => {
        const groups: number[] = []
        const { commit } = await openKernel({ committed: (members) => groups.push(members) })

        await commit.submit(saving('a'))
        await commit.submit(saving('b'))

        expect(groups).toEqual([1, 1])
      })

      it('is refused with 503 when too much waits already', async () => {
        const gate = deferred()
        let begun = 0
        const { commit, database } = await openKernel({
          waitingMax: 2,
          groupMax: 1,
          wrap: (database) =>
            around(database, async (run) => {
              begun += 1
              await gate.promise
              return run()
            }),
        })
        const busy = Array.from({ length: database.writersMax }, (_, index) => `busy-${index}`)
        const first: Promise<string>[] = []
        for (const id of busy) {
          first.push(commit.submit(saving(id)))
          await eventually('it is under way', () => begun === first.length)
        }
        const others = [commit.submit(saving('b')), commit.submit(saving('c'))]

        const refusal = await commit.submit(saving('d')).catch((error: unknown) => error)

        expect(refusal).toBeInstanceOf(RejectedError)
        expect(refusal).toMatchObject({ status: 503, code: 'overloaded', retryAfterSeconds: 1 })
        expect(commit.waiting()).toBe(2)
        gate.resolve()
        expect(await Promise.all([...first, ...others])).toEqual([...busy, 'b', 'c'])
      })

      it('is finished before close resolves', async () => {
        const kernel = await openKernel({ groupMax: 1 })
        const settled: string[] = []
        for (const id of ['a', 'b', 'c']) void kernel.commit.submit(saving(id)).then((result) => settled.push(result))

        await kernel.commit.close()

        expect(settled.sort()).toEqual(['a', 'b', 'c'])
        expect(await effects(kernel)).toEqual(['a', 'b', 'c'])
      })

      it('is refused after close, since nobody would commit it', async () => {
        const { commit } = await openKernel()
        await commit.close()

        expect(await commit.submit(saving('a')).catch((error: unknown) => error)).toMatchObject({ code: 'stopping' })
      })
    })

    describe('groups side by side', () => {
      /** As many at one time as `writersMax`, each of which waits for a word before its transaction begins. */
      async function opened(writersMax = 3, groupMax = 100) {
        const gates: ReturnType<typeof deferred<void>>[] = []
        let isFree = false
        const held = (database: Database): Database => ({
          ...database,
          writersMax,
          async transaction(work) {
            const gate = deferred()
            gates.push(gate)
            if (!isFree) await gate.promise
            return database.transaction(work)
          },
        })
        const groups: number[] = []
        const kernel = await openKernel({ wrap: held, groupMax, committed: (members) => groups.push(members) })
        const begun = (count: number) => eventually(`${count} groups have begun`, () => gates.length >= count)
        const go = (number: number) => gates[number]?.resolve()
        /** Those under way, and whatever comes. */
        const goAll = () => {
          isFree = true
          for (const gate of gates) gate.resolve()
        }
        onTestFinished(goAll)
        return { ...kernel, groups, gates, begun, go, goAll }
      }
      const turns = async () => {
        for (let turn = 0; turn < 10; turn++) await new Promise((next) => setImmediate(next))
      }
      /** Says what it has been told, in the order in which it was told. */
      function telling() {
        const told: string[] = []
        const tell = (submitted: Promise<string>) => submitted.then((result) => void told.push(result))
        return { told, tell }
      }

      it('commit as they come: a later one does not wait for an earlier one', async () => {
        const { commit, begun, go } = await opened()
        const { told, tell } = telling()
        const first = tell(commit.submit(saving('a')))
        await begun(1)
        const second = tell(commit.submit(saving('b')))
        await begun(2)
        go(1)
        await second
        expect(told).toEqual(['b'])
        go(0)
        await first
        expect(told).toEqual(['b', 'a'])
      })

      it('are as many as the database takes: what is more forms the next one meanwhile', async () => {
        const { commit, begun, go, gates, groups } = await opened(2)
        const all = [commit.submit(saving('a'))]
        await begun(1)
        const second = commit.submit(saving('b'))
        all.push(second)
        await begun(2)
        all.push(...['c', 'd', 'e'].map((id) => commit.submit(saving(id))))
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting() }).toEqual({ begun: 2, waiting: 3 })
        go(0)
        await begun(3)
        go(1)
        await second
        go(2)
        await Promise.all(all)
        expect(groups).toEqual([1, 1, 3])
      })

      it('are as many as the database takes, when more arrives at one moment than they can hold', async () => {
        const { commit, begun, gates, goAll, groups } = await opened(2, 3)
        const all = Array.from({ length: 20 }, (_, index) => commit.submit(saving(`id-${index}`)))
        await begun(2)
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting() }).toEqual({ begun: 2, waiting: 14 })
        goAll()
        await Promise.all(all)
        expect(groups.toSorted()).toEqual([2, 3, 3, 3, 3, 3, 3])
      })

      it('never have the same key: who comes later waits, and decides in the order of arrival', async () => {
        const { commit, begun, go, gates } = await opened()
        const { told, tell } = telling()
        const all = [tell(commit.submit(appending('a', '1')))]
        await begun(1)
        all.push(tell(commit.submit(appending('a', '2'))), tell(commit.submit(appending('b', 'x'))))
        await begun(2)
        all.push(tell(commit.submit(appending('a', '3'))))
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting() }).toEqual({ begun: 2, waiting: 2 })
        go(1)
        await eventually('the other key is done', () => told.length === 1)
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting(), told }).toEqual({ begun: 2, waiting: 2, told: ['x'] })
        go(0)
        await begun(3)
        go(2)
        await Promise.all(all)
        expect(told).toEqual(['x', '1', '12', '123'])
      })

      it('do not let anybody overtake who waits for a key: whoever shares another with it waits too', async () => {
        const { commit, begun, go, gates } = await opened()
        const { told, tell } = telling()
        const all = [tell(commit.submit(appending('a', '1')))]
        await begun(1)
        const both: Work<string> = {
          reads: () => [owned(notes, 'a'), owned(notes, 'b')],
          decide(draft) {
            for (const id of ['a', 'b']) draft.set(notes, id, `${draft.get(notes, id) ?? ''}2`)
            return { result: `${draft.get(notes, 'a')} ${draft.get(notes, 'b')}`, messages: [] }
          },
        }
        all.push(...[both, appending('b', '3'), appending('c', 'y')].map((work) => tell(commit.submit(work))))
        await begun(2)
        go(1)
        await eventually('who shares no key is done', () => told.length === 1)
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting(), told }).toEqual({ begun: 2, waiting: 2, told: ['y'] })
        go(0)
        await begun(3)
        go(2)
        await Promise.all(all)
        expect(told).toEqual(['y', '1', '12 2', '23'])
      })

      it('leave who waits for a key before those that came later, also when they are full', async () => {
        const { commit, begun, goAll } = await opened(2, 1)
        const { told, tell } = telling()
        const all = [tell(commit.submit(appending('a', '1')))]
        await begun(1)
        for (const work of [appending('a', '2'), saving('b'), appending('a', '3'), appending('a', '4')])
          all.push(tell(commit.submit(work)))
        await begun(2)
        goAll()
        await Promise.all(all)
        expect(told.filter((result) => result !== 'b')).toEqual(['1', '12', '123', '1234'])
      })

      it('all end, and with them what still waited, before close resolves', async () => {
        const kernel = await opened(2)
        const { commit, begun, go, goAll } = kernel
        const { told, tell } = telling()
        void tell(commit.submit(appending('a', '1')))
        await begun(1)
        void tell(commit.submit(saving('b')))
        await begun(2)
        void tell(commit.submit(appending('a', '2')))
        void tell(commit.submit(saving('c')))
        let isClosed = false
        const closing = commit.close().then(() => {
          isClosed = true
        })
        for (const group of [0, 1]) {
          await turns()
          expect(isClosed).toBe(false)
          go(group)
          await eventually('another one begins', () => told.length > group)
        }
        await turns()
        expect({ isClosed, told: told.length }).toEqual({ isClosed: false, told: 2 })
        goAll()
        await closing
        expect(told.toSorted()).toEqual(['1', '12', 'b', 'c'])
        expect(await effects(kernel)).toEqual(['a', 'b', 'c'])
      })

      it('whose failure is one by one leave the others alone, and keep their keys meanwhile', async () => {
        let failures = 0
        const { commit, begun, go, gates } = await opened()
        const unsaved: State<string> = {
          name: 'unsaved',
          load: async () => new Map(),
          save: async () => {
            failures += 1
            throw new Error('cannot be saved')
          },
        }
        const { told, tell } = telling()
        const bad = commit
          .submit({
            reads: () => [owned(unsaved, 'a')],
            decide(draft) {
              draft.set(unsaved, 'a', 'x')
              return { result: 'bad', messages: [] }
            },
          })
          .catch((error: Error) => error.message)
        const all = [tell(commit.submit(appending('a', '1')))]
        await begun(1)
        all.push(tell(commit.submit(appending('a', '2'))), tell(commit.submit(saving('b'))))
        await begun(2)
        go(0)
        // The whole group has failed; its first member is alone now.
        await begun(3)
        expect({ failures, told }).toEqual({ failures: 1, told: [] })
        go(1)
        await eventually('the other group is done', () => told.length === 1)
        go(2)
        expect(await bad).toBe('cannot be saved')
        await begun(4)
        await turns()
        expect({ begun: gates.length, waiting: commit.waiting(), told }).toEqual({ begun: 4, waiting: 1, told: ['b'] })
        go(3)
        await begun(5)
        go(4)
        await Promise.all(all)
        expect(told).toEqual(['b', '1', '12'])
      })

      it('whatever they are about, each key has what was submitted, in that order', async () => {
        const kernel = await openKernel({ groupMax: 5 })
        const ids = ['a', 'b', 'c', 'd', 'e', 'f']
        const expected = new Map(ids.map((id) => [id, '']))
        const all: Promise<unknown>[] = []
        for (let number = 0; number < 300; number++) {
          const id = ids[(number * 7 + Math.floor(number / 11)) % ids.length] ?? 'a'
          const text = `${number};`
          const note = `${expected.get(id)}${text}`
          expected.set(id, note)
          all.push(kernel.commit.submit(appending(id, text)).then((result) => expect(result).toBe(note)))
          if (number % 13 === 0) await new Promise((next) => setImmediate(next))
        }
        await Promise.all(all)
        const rows = await kernel.database.all<{ id: string; note: string }>('select id, note from effects')
        expect(new Map(rows.map(({ id, note }) => [id, note]))).toEqual(expected)
      })
    })

    describe('whatever is thrown together', () => {
      const kinds = { saving, failing, sayingNonsense, breakingTheTransaction }
      const kind = fc.constantFrom<keyof typeof kinds>(
        'saving',
        'saving',
        'failing',
        'sayingNonsense',
        'breakingTheTransaction',
      )
      const wave = fc.record({ members: fc.array(kind, { maxLength: 8 }), awaited: fc.boolean() })

      it('the rows and the published messages agree, and both with what the submitters were told', async () => {
        let run = 0
        await fc.assert(
          fc.asyncProperty(
            fc.array(wave, { maxLength: 5 }),
            fc.integer({ min: 1, max: 6 }),
            async (waves, groupMax) => {
              const kernel = await openKernel({ groupMax })
              const prefix = `run-${run++}`
              const told: string[] = []
              const expected: string[] = []
              const all: Promise<unknown>[] = []
              for (const [number, { members, awaited }] of waves.entries()) {
                const submitted = members.map((name, index) => {
                  const id = `${prefix}-${number}-${index}`
                  if (name === 'saving') expected.push(id)
                  return kernel.commit.submit(kinds[name](id)).then(
                    (result) => told.push(result),
                    () => undefined,
                  )
                })
                all.push(...submitted)
                if (awaited) await Promise.all(submitted)
              }
              await Promise.all(all)
              await eventually('every message is confirmed', () => kernel.outbox.pending().underWay === 0)

              expect(told.sort()).toEqual(expected.sort())
              expect(await effects(kernel)).toEqual(expected)
              expect(publishedIds(kernel).sort()).toEqual(expected.map(idOf))
            },
          ),
          { numRuns: runs },
        )
      }, 120_000)
    })
  })
}
