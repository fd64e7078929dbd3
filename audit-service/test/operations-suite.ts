// What is kept of the copies of the services, over every database.
import { join } from 'node:path'
import type { ServiceState } from '@orders/shared/messaging'
import { type Database, migrate } from '@orders/shared/storage'
import { decideAlone } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keepingReports } from '../operations/reports.ts'
import { listCopies } from '../operations/store.ts'
import { deliveryOf } from './keeping.ts'

interface Rig {
  database: Database
  remove(): Promise<void>
}

export const state = (changes: Partial<ServiceState> = {}): ServiceState => ({
  service: 'payment-service',
  version: '1.2.3',
  copy: 'host/1',
  startedAt: '2026-11-21T08:00:00.000Z',
  faults: [],
  outboxRows: 0,
  retries: [],
  openBreakers: [],
  ...changes,
})

export function operationsSuite(name: string, open: () => Promise<Rig>): void {
  describe(`the copies of the services over ${name}`, () => {
    let rig: Rig
    const { work } = keepingReports(['payment-service', 'order-service'])

    beforeEach(async () => {
      rig = await open()
      await migrate(rig.database, [join(import.meta.dirname, '..', 'migrations')])
    })
    afterEach(async () => {
      await rig.database.close()
      await rig.remove()
    })

    const keep = (body: string, now: string) =>
      decideAlone(rig.database, work('audit.copies.queue', deliveryOf(Buffer.from(body)), now))
    const report = (changes: Partial<ServiceState>, now: string) => keep(JSON.stringify(state(changes)), now)

    it('are each known by what they said last', async () => {
      await report({ copy: 'host/2', startedAt: '2026-11-21T08:10:00.000Z' }, '2026-11-21T08:20:00.000Z')
      await report({}, '2026-11-21T08:20:01.000Z')
      await report({ faults: ['broker: gone'] }, '2026-11-21T08:20:11.000Z')
      expect(await listCopies(rig.database)).toEqual([
        {
          copy: 'host/1',
          service: 'payment-service',
          seenAt: '2026-11-21T08:20:11.000Z',
          state: state({ faults: ['broker: gone'] }),
        },
        {
          copy: 'host/2',
          service: 'payment-service',
          seenAt: '2026-11-21T08:20:00.000Z',
          state: state({ copy: 'host/2', startedAt: '2026-11-21T08:10:00.000Z' }),
        },
      ])
    })

    it('are forgotten a day after they said something last', async () => {
      await report({}, '2026-11-21T08:20:00.000Z')
      await report({ copy: 'host/2' }, '2026-11-22T08:20:00.000Z')
      expect(await listCopies(rig.database)).toHaveLength(2)
      await report({ copy: 'host/2' }, '2026-11-22T08:20:00.001Z')
      expect((await listCopies(rig.database)).map(({ copy }) => copy)).toEqual(['host/2'])
    })

    it('are those of services that there are: whatever else comes is no report', async () => {
      const noReports = [
        'garbage',
        '{}',
        JSON.stringify(state({ service: 'stranger-service' })),
        JSON.stringify(state({ copy: 'x'.repeat(301) })),
        JSON.stringify(state({ faults: ['x'.repeat(65_536)] })),
      ]
      for (const one of noReports) await keep(one, '2026-11-21T08:20:00.000Z')
      await report({ faults: ['a\u0000b'] }, '2026-11-21T08:20:00.000Z')
      expect((await listCopies(rig.database)).map(({ copy }) => copy)).toEqual(['host/1'])
    })
  })
}
