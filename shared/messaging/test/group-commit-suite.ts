// Group commit's promise, on any database: resolved means committed and recorded, rejected means that nothing of it exists.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import { PermanentError, RejectedError } from '../../runtime/errors.ts'
import type { Sql } from '../../storage/index.ts'
import { eventually } from '../../testing/index.ts'
import type { Done } from '../group-commit.ts'
import {
  around,
  effects,
  invalid,
  type openKernel as openSqliteKernel,
  outboxRows,
  publishedIds,
  reserved,
  type TestKernel,
} from './kernel.ts'

const insert = (tx: Sql, id: string) => tx.run('insert into effects (id, note) values (?, ?)', id, 'test')

/** A member that saves a row and says so. */
function saving(id: string): (tx: Sql) => Promise<Done<string>> {
  return async (tx) => {
    await insert(tx, id)
    return { result: id, messages: [reserved(id)] }
  }
}

function failing(id: string): (tx: Sql) => Promise<Done<string>> {
  return async (tx) => {
    await insert(tx, id)
    throw new PermanentError('refused', `${id} is refused`)
  }
}

function sayingNonsense(id: string): (tx: Sql) => Promise<Done<string>> {
  return async (tx) => {
    await insert(tx, id)
    return { result: id, messages: [reserved(id), invalid(id)] }
  }
}

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
    const breakingTheTransaction =
      (id: string) =>
      async (tx: Sql): Promise<Done<string>> => {
        await insert(tx, id)
        await tx.run(breaking.statement)
        return { result: id, messages: [reserved(id)] }
      }

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

        expect(groups).toEqual([4, 4, 2])
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
          const submitted = kernel.commit.submit(async (tx) => {
            runs++
            return saving('a')(tx)
          })

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
        const reached = deferred()
        const { commit } = await openKernel({
          waitingMax: 2,
          groupMax: 1,
          wrap: (database) =>
            around(database, async (run) => {
              reached.resolve()
              await gate.promise
              return run()
            }),
        })
        const first = commit.submit(saving('a'))
        await reached.promise
        const others = [commit.submit(saving('b')), commit.submit(saving('c'))]

        const refusal = await commit.submit(saving('d')).catch((error: unknown) => error)

        expect(refusal).toBeInstanceOf(RejectedError)
        expect(refusal).toMatchObject({ status: 503, code: 'overloaded', retryAfterSeconds: 1 })
        expect(commit.waiting()).toBe(2)
        gate.resolve()
        expect(await Promise.all([first, ...others])).toEqual(['a', 'b', 'c'])
      })

      it('is finished before close resolves', async () => {
        const kernel = await openKernel({ groupMax: 1 })
        const settled: string[] = []
        for (const id of ['a', 'b', 'c']) void kernel.commit.submit(saving(id)).then((result) => settled.push(result))

        await kernel.commit.close()

        expect(settled).toEqual(['a', 'b', 'c'])
        expect(await effects(kernel)).toEqual(['a', 'b', 'c'])
      })

      it('is refused after close, since nobody would commit it', async () => {
        const { commit } = await openKernel()
        await commit.close()

        expect(await commit.submit(saving('a')).catch((error: unknown) => error)).toMatchObject({ code: 'stopping' })
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
