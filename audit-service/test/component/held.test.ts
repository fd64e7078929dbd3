// What the service gives out of somebody, asked over the broker: the events in archives too, or why it cannot.
import { join } from 'node:path'
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { ask, encode, operationsOf } from '@orders/shared/messaging'
import { readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { auditService } from '../../service.ts'
import { SIGNING_KEY } from '../keeping.ts'

const NOW = '2026-11-21T08:30:00.000Z'
const FILE = 'audit-2026-11-000000000001.archive'

it('names the archive in which events about them are, when its file is gone', async () => {
  const scratch = await scratchFolder()
  const broker = createMemoryBroker(topology)
  const { log } = await keepingLog('audit-service')
  const service = await startService(
    auditService,
    { ...readConfig(AuditConfig, { DATA_DIR: scratch.path, AUDIT_SIGNING_KEY: SIGNING_KEY }), portBase: 0 },
    {
      log,
      openBroker: (name) => broker.connect(name),
      broken(error) {
        throw error
      },
    },
  )
  onTestFinished(async () => {
    await service.close()
    await scratch.remove()
  })
  const test = broker.connect('test')
  const lines = [{ sku: 'item1', quantity: 1 }]
  const created = OrderCreated.of('hers', NOW, { user: 'gayal', priority: 'standard', lines })
  await test.publish(encode(registry, created, 'order-service', {}))
  const given = async () => {
    const about = { ownerId: 'cus_hers', names: '[]', subjects: ['hers'] }
    const { page } = await ask(test, operationsOf('audit-service').export, about, 5_000)
    return JSON.parse(page) as { records: { table: string; record: object }[]; missing: string[] }
  }
  await eventually('it is kept', async () => (await given()).records.length === 1)
  expect((await given()).missing).toEqual([])

  const database = new Sqlite(join(scratch.path, 'audit-service.db'))
  database.prepare('insert into archives values (1, 1, ?, ?, ?, null)').run(FILE, '0'.repeat(64), NOW)
  database.close()
  const path = join(scratch.path, 'audit-archive', FILE)
  expect((await given()).missing).toEqual([expect.stringContaining(path)])
})
