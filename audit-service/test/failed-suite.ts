// What the store of failed messages promises, over every database.
import { join } from 'node:path'
import { events, OrderCreated, registry } from '@orders/shared/contracts'
import { encode, type Properties, RESEND, SENT_AGAIN_OF } from '@orders/shared/messaging'
import { type Database, migrate, type Parameter, type Reader, type Row } from '@orders/shared/storage'
import { decideAlone } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { act } from '../acting.ts'
import { dictionaryOf } from '../dictionary.ts'
import { forgetterOf } from '../failed/forget.ts'
import { keeping } from '../failed/handlers.ts'
import {
  addResend,
  claimNext,
  findResend,
  resumeResend,
  saveSent,
  stopResend,
  takeTurn,
} from '../failed/resending/store.ts'
import { archive, countByCause, countByQueue, findFailure, listFailures } from '../failed/store.ts'
import { dictionaryWith, headOf, statesWith } from '../store.ts'
import { deliveryOf, NOW } from './keeping.ts'

interface Rig {
  database: Database
  again(): Database | Promise<Database>
  remove(): Promise<void>
}

const CUSTOMER = 'cus_abcdefghijklmnopqrstuvwxyz'
const LINES = [{ sku: 'item1', quantity: 1 }]
const at = (second: number) => `2026-11-21T08:30:${String(second).padStart(2, '0')}.000Z`
const resendId = (letter: string) => letter.repeat(32)

export function failedSuite(name: string, open: () => Promise<Rig>): void {
  describe(`failed messages over ${name}`, () => {
    let rig: Rig
    let database: Database

    beforeEach(async () => {
      rig = await open()
      database = rig.database
      await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
    })
    afterEach(async () => {
      await database.close()
      await rig.remove()
    })

    interface Told {
      queue?: string
      id?: string
      headers?: Record<string, unknown>
      properties?: Partial<Properties>
      body?: Buffer
    }
    const { work } = keeping(new Set())
    const keep = ({ queue = 'order.dlq', id = '1', headers = {}, properties = {}, body }: Told = {}) => {
      const told = { 'error-code': 'Error', 'failed-at': at(1), ...headers }
      const delivery = deliveryOf(body ?? Buffer.from(id))
      return decideAlone(
        database,
        work(queue, { ...delivery, properties: { messageId: id, ...properties, headers: told } }, NOW),
      )
    }
    const keepAll = async (count: number) => {
      for (let number = 0; number < count; number++)
        await keep({ id: String(number), headers: { 'failed-at': at(number) } })
      return listFailures(database, { filter: {}, limit: 100 })
    }
    const resend = (id: string, total: number, on = database) =>
      on.transaction((tx) =>
        addResend(tx, {
          id,
          total,
          selection: { filter: { queue: 'order.dlq' } },
          operator: 'ann',
          reason: 'mended',
          canary: total,
          watchMs: 0,
          ratePerSecond: 100,
          createdAt: NOW,
        }),
      )
    const resendOf = async (id: string) => {
      const found = await findResend(database, id)
      if (!found) throw new Error(`no resend ${id}`)
      return found
    }
    const claim = async (id: string, count: number, on = database) => {
      const found = await resendOf(id)
      return on.transaction((tx) => claimNext(tx, found, count))
    }

    it('keep nothing in plain text of whoever is forgotten, and what their key encrypts as it is', async () => {
      const said = OrderCreated.of('hers', NOW, {
        user: 'Zoe',
        customerId: CUSTOMER,
        priority: 'standard',
        lines: LINES,
      })
      const plain = encode(registry, said, 'order-service', {})
      const sealed = Buffer.from(plain.body.toString().replace('"Zoe"', `"enc:1:${'k'.repeat(16)}:${'x'.repeat(40)}"`))
      const about = { correlationId: 'hers', type: 'order.created' }
      const headers = { 'error-message': 'Zoe is nobody', 'error-stack': 'Error: Zoe is nobody' }
      await keep({ id: '1', body: plain.body, properties: about, headers })
      await keep({ id: '2', body: sealed, properties: about, headers })
      await keep({ id: '3', body: Buffer.from('Zoe'), properties: about, headers })
      await keep({ id: '4', body: plain.body, properties: { ...about, correlationId: 'others' }, headers })
      await forgetterOf(database)([{ ownerId: CUSTOMER, names: [], subjects: ['hers'] }])
      const rows = await database.all<Row>('select * from failures order by subject, length(body)')
      const textOf = (row: Row) => JSON.stringify({ ...row, body: String(row.body) })
      expect(rows.map((row) => [row.subject, row.state, textOf(row).toLowerCase().includes('zoe')])).toEqual([
        ['hers', 'archived', false],
        ['hers', 'archived', false],
        ['hers', 'waiting', false],
        ['others', 'waiting', true],
      ])
      expect(rows[2]?.body).toEqual(sealed)
    })

    it('keep no key of whoever is forgotten, and the keys of everybody else', async () => {
      const keyOf = (ownerId: string) => ({
        ownerId,
        keyId: ownerId.slice(-16),
        wrapped: `wrapped ${ownerId}`,
        masterId: 'm',
      })
      const other = `cus_${'o'.repeat(26)}`
      const about = (...owners: string[]) => {
        const said = { specversion: '1.0', type: 'keys.added', subject: 'first', data: { keys: owners.map(keyOf) } }
        return Buffer.from(JSON.stringify(said))
      }
      const properties = { correlationId: 'first', type: 'keys.added' }
      await keep({ id: '1', body: about(CUSTOMER, other), properties })
      await keep({ id: '2', body: about(CUSTOMER), properties })
      await keep({ id: '3', body: about(other), properties })
      const untouched = about(other)
      for (const _ of ['once', 'again']) await forgetterOf(database)([{ ownerId: CUSTOMER, names: [], subjects: [] }])
      const rows = await database.all<Row>('select * from failures order by length(body)')
      expect(
        rows.map((row) => [row.state, JSON.stringify({ ...row, body: String(row.body) }).includes(CUSTOMER)]),
      ).toEqual([
        ['archived', false],
        ['waiting', false],
        ['waiting', false],
      ])
      expect(rows.slice(1).map(({ body }) => JSON.parse(String(body)).data)).toEqual(
        [1, 2].map(() => JSON.parse(String(untouched)).data),
      )
    })

    it('keep each once, whatever is in it, and belong to the first failure of their message', async () => {
      const odd = { messageId: '\ufffd'.repeat(200), type: 'a\u0000', correlationId: '\ud800' }
      const bytes = Buffer.from([0xff, 0])
      await keep({ properties: odd, body: bytes, headers: { 'error-message': '\u0000\udfff', n: Number.NaN } })
      await keep({ properties: odd, body: bytes, headers: { 'error-message': '\u0000\udfff', n: Number.NaN } })
      const [first, ...others] = await listFailures(database, { filter: {}, limit: 10 })
      expect(others).toEqual([])
      expect(first).toMatchObject({ type: 'a\ufffd', subject: '\ufffd', reason: '\ufffd\ufffd' })
      const id = first?.id ?? ''
      expect(await findFailure(database, id)).toMatchObject({ root: id, body: bytes, original: null, revision: 1 })

      const again = { [SENT_AGAIN_OF]: id, [RESEND]: resendId('a') }
      // Sent twice by a crash, it fails twice, at other times.
      await keep({ id: '2', headers: { ...again, 'failed-at': at(2) } })
      await keep({ id: '2', headers: { ...again, 'failed-at': at(3) } })
      const kept = await listFailures(database, { filter: {}, limit: 10 })
      expect(kept.map(({ sentAgainOf }) => sentAgainOf)).toEqual([id, null])
      expect(await findFailure(database, kept[0]?.id ?? '')).toMatchObject({ root: id, afterResend: resendId('a') })
      expect(await countByQueue(database)).toMatchObject([{ queue: 'order.dlq' }])
    })

    it('are done and recorded together, or neither', async () => {
      const dictionary = await dictionaryWith(database, dictionaryOf(events.values()))
      const acting = { database, states: statesWith(dictionary), now: () => new Date(NOW) }
      const [one] = await keepAll(1)
      const ids = [one?.id ?? '']
      const by = { operator: 'ann', reason: 'mended' }
      const failing = act(acting, by, async (tx) => {
        await archive(tx, { ids })
        throw new Error('not today')
      })
      await expect(failing).rejects.toThrow('not today')
      expect(await headOf(database)).toBe(0)
      expect(await findFailure(database, ids[0] ?? '')).toMatchObject({ state: 'waiting' })
      const done = async () =>
        act(acting, by, async (tx) => ({ action: 'archive', about: {}, result: await archive(tx, { ids }) }))
      expect(await Promise.all([done(), done()])).toEqual(expect.arrayContaining([0, 1]))
      expect(await headOf(database)).toBe(2)
    })

    it('are claimed by one resend only, also when two copies claim at once', async () => {
      await keepAll(20)
      const other = await rig.again()
      try {
        const [a, b] = [resendId('a'), resendId('b')]
        expect([await resend(a, 20), await resend(b, 20)]).toEqual([20, 20])
        const [one, two] = await Promise.all([claim(a, 20), claim(b, 20, other)])
        const ids = [...one, ...two].map(({ id }) => id)
        expect(ids).toHaveLength(20)
        expect(new Set(ids).size).toBe(20)
        // What is claimed is not archived.
        expect(await database.transaction((tx) => archive(tx, { filter: {} }))).toBe(0)
      } finally {
        await other.close()
      }
    })

    it('are claimed again by their own resend after a crash, the oldest first, and never once they are sent', async () => {
      const kept = (await keepAll(4)).map(({ id }) => id).reverse()
      const a = resendId('a')
      await resend(a, 4)
      expect((await claim(a, 2)).map(({ id }) => id).sort()).toEqual(kept.slice(0, 2).sort())
      // Whoever claimed them is killed, and somebody else goes on.
      const claimed = await claim(a, 2)
      expect(claimed).toHaveLength(2)
      const found = await resendOf(a)
      await database.transaction((tx) =>
        saveSent(
          tx,
          found,
          claimed.map(({ id }) => id),
          2,
        ),
      )
      expect(await resendOf(a)).toMatchObject({ position: 2, sent: 2 })
      expect((await claim(a, 2)).map(({ id }) => id).sort()).toEqual(kept.slice(2).sort())
      await resend(resendId('b'), 2)
      expect(await claim(resendId('b'), 4)).toEqual([])
    })

    it('are sent by one copy at a time, and by another one when that says nothing more; not while stopped', async () => {
      await keepAll(1)
      const a = resendId('a')
      await resend(a, 1)
      const turn = (owner: string, second: number) =>
        database.transaction((tx) => takeTurn(tx, { owner, now: at(second), until: at(second + 10) }))
      expect(await turn('one', 0)).toMatchObject({ id: a })
      expect(await turn('other', 5)).toBeUndefined()
      expect(await turn('one', 6)).toMatchObject({ id: a })
      expect(await turn('other', 17)).toMatchObject({ id: a })
      expect(await stopResend(database, a, 'enough', NOW)).toBe(true)
      expect(await stopResend(database, a, 'enough', NOW)).toBe(false)
      expect(await turn('other', 18)).toBeUndefined()
      await keep({ id: '7', headers: { [SENT_AGAIN_OF]: resendId('0'), [RESEND]: a } })
      expect(await resumeResend(database, a)).toBe(true)
      expect(await turn('other', 19)).toMatchObject({ id: a, tolerated: 1 })
    })

    it('are found by an index, one and all', async () => {
      await keepAll(3)
      const asked: { sql: string; values: Parameter[] }[] = []
      const noting: Reader = {
        all(sql, ...values) {
          asked.push({ sql, values })
          return database.all(sql, ...values)
        },
        get(sql, ...values) {
          asked.push({ sql, values })
          return database.get(sql, ...values)
        },
      }
      await findFailure(noting, resendId('a'))
      await countByCause(noting, { state: 'waiting' }, 10)
      await listFailures(noting, { filter: { state: 'waiting', queue: 'order.dlq' }, limit: 10 })
      await listFailures(noting, { filter: { subject: '1' }, limit: 10 })
      await countByQueue(noting)
      for (const { sql, values } of asked) expect(await planOf(sql, values)).not.toMatch(/scan (on )?failures/i)
    })

    /** PostgreSQL reads a small table whole unless told otherwise. */
    function planOf(sql: string, values: Parameter[]): Promise<string> {
      return database.transaction(async (tx) => {
        if (database.dialect === 'postgres') await tx.run('set local enable_seqscan = off')
        const explain = database.dialect === 'sqlite' ? 'explain query plan' : 'explain'
        const rows = await tx.all(`${explain} ${sql}`, ...values)
        return rows
          .map((row) => JSON.stringify(row))
          .join('\n')
          .replaceAll(/(bitmap|index)( only)?( heap)? scan/gi, '')
      })
    }
  })
}
