// How a service is, as an operator is told: from its answer, and from what its copies said.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'
import { type Answer, lookedAt } from '../operations/looked.ts'
import type { Copy } from '../operations/store.ts'
import { operationsSuite, state } from './operations-suite.ts'

operationsSuite('SQLite', async () => {
  const folder = await scratchFolder()
  return { database: openSqlite(join(folder.path, 'audit.db')), remove: folder.remove }
})

const NOW = '2026-11-21T09:00:00.000Z'
const silence: Answer = { error: new Error('no answer within 2000 ms') }
const reported = (seenAt: string, changes: Parameters<typeof state>[0] = {}): Copy => {
  const said = state(changes)
  return { copy: said.copy, service: said.service, seenAt, state: said }
}
const look = (answer: Answer, ...copies: Copy[]) => lookedAt('payment-service', answer, copies, NOW)

describe('a service', () => {
  it('that answers and has no fault is ready since its oldest copy began', () => {
    const other = reported('2026-11-21T08:59:50.000Z', { copy: 'host/2', startedAt: '2026-11-20T08:00:00.000Z' })
    const found = look({ state: state({ outboxRows: 3 }) }, other, reported('2026-11-21T08:59:50.000Z'))
    expect(found).toMatchObject({ status: 'ready', since: '2026-11-20T08:00:00.000Z', why: [], nextStep: null })
    expect(found.copies.map(({ copy, seenAt }) => [copy, seenAt])).toEqual([
      ['host/2', '2026-11-21T08:59:50.000Z'],
      ['host/1', NOW],
    ])
    expect(found.outboxRows).toBe(3)
  })

  it('of which another copy is not ready is not ready, whoever answered', () => {
    const other = reported('2026-11-21T08:59:50.000Z', { copy: 'host/2', faults: ['database: full'] })
    expect(look({ state: state() }, other)).toMatchObject({
      status: 'not_ready',
      why: ['database: full'],
      nextStep: expect.stringContaining('Look at the database of payment-service'),
    })
  })

  it('that does not answer was heard of last when a copy of it said something', () => {
    const before = reported('2026-11-21T08:10:00.000Z')
    const stopped = reported('2026-11-21T08:30:00.000Z', { copy: 'host/2', faults: ['stopping'] })
    expect(look(silence, before, stopped)).toMatchObject({
      status: 'not_answering',
      since: '2026-11-21T08:30:00.000Z',
      why: ['no answer within 2000 ms'],
      nextStep: expect.stringContaining('Start payment-service'),
      copies: [],
    })
    expect(look(silence)).toMatchObject({ status: 'not_answering', since: null })
  })

  it('is not what a copy said that has gone, or one of another service', () => {
    const gone = reported('2026-11-21T08:59:00.000Z', { copy: 'host/2', faults: ['database: full'] })
    const stopped = reported('2026-11-21T08:59:59.000Z', { copy: 'host/3', faults: ['stopping'] })
    const foreign = reported('2026-11-21T08:59:59.000Z', { copy: 'host/4', service: 'order-service', faults: ['x'] })
    expect(look({ state: state() }, gone, stopped, foreign)).toMatchObject({ status: 'ready', copies: [{}] })
  })

  it('leaves alone what any of its copies leaves alone, and says whom to ask', () => {
    const other = reported('2026-11-21T08:59:50.000Z', { copy: 'host/2', openBreakers: ['gateway'] })
    expect(look({ state: state() }, other)).toMatchObject({
      status: 'ready',
      openBreakers: ['gateway'],
      nextStep: expect.stringContaining('gateway'),
    })
  })

  it.each([
    ['broker: connection refused', /RabbitMQ/],
    ["broker: 'order.exchange order.paid' is refused, 3 messages wait in the outbox", /that queue in RabbitMQ/],
    ['broker: policy all on payment.queue: message-ttl 10000: …', /policy/],
    ['database: full', /database/],
    ['stopping', /start it/],
    ['payment.queue: a delivery has been unsettled for 400 s', /log of payment-service/],
    ['database_behind: this database is older', /npm run heal -- --service payment,/],
    ['a key was wrapped by a master key that this service does not have', /MASTER_KEY_PREVIOUS/],
  ])('that is not ready because of %j comes with the next step', (fault, nextStep) => {
    expect(look({ state: state({ faults: [fault] }) }).nextStep).toMatch(nextStep)
  })
})
