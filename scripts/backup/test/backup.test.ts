// A backup of databases that are written meanwhile, and what restoring it refuses.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, migrate, openDatabase } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { backUp, type What } from '../back-up.ts'
import { putBack } from '../put-back.ts'

const NOW = new Date('2026-11-30T08:00:00.000Z')
const OUTBOX = join(import.meta.dirname, '..', '..', '..', 'shared', 'storage', 'migrations')
const services = ['order-service', 'payment-service']

/** A folder of data whose services are open; each has recorded one message. */
async function world() {
  const scratch = await scratchFolder()
  const dataDir = join(scratch.path, 'data')
  const open = async (service: string) => {
    const database = await openDatabase(service, dataDir)
    await migrate(database, [OUTBOX])
    await database.run('create table if not exists keys.personal_keys (key_id text primary key)')
    return database
  }
  const opened = new Map<string, Database>()
  for (const service of services) opened.set(service, await open(service))
  const databaseOf = (service: string) => {
    const found = opened.get(service)
    if (!found) throw new Error(`${service} is not open`)
    return found
  }
  const stop = async () => {
    for (const database of opened.values()) await database.close()
    opened.clear()
  }
  onTestFinished(async () => {
    await stop()
    await scratch.remove()
  })
  for (const service of services) await record(databaseOf(service))
  const to = join(scratch.path, 'backup')
  return {
    dataDir,
    to,
    databaseOf,
    stop,
    open: async (service: string) => opened.set(service, await open(service)),
    backUp: (progress: (service: string, share: number) => void = () => undefined, what: What = 'data') =>
      backUp({ what, services: [...services, 'audit-service'], dataDir, to, version: '0.1.0', now: NOW, progress }),
    putBack: (options: { service?: string; force?: boolean } = {}) =>
      putBack({ from: to, dataDir, force: false, now: NOW, ...options }),
  }
}

const record = (database: Database, times = 1) =>
  database.transaction(async (tx) => {
    for (let time = 0; time < times; time++)
      await tx.run(
        'insert into outbox (exchange, routing_key, body, properties, claimed_by, claimed_at) values (?, ?, ?, ?, ?, ?)',
        ...['order.exchange', 'order.created', 'x'.repeat(4_000), '{}', 'me', NOW.toISOString()],
      )
  })

const countOf = async (database: Database) =>
  (await database.get<{ count: number }>('select count(*) as count from outbox'))?.count

describe('a backup', () => {
  it('has each database as it was at one moment, while somebody goes on writing', async () => {
    const { backUp: take, databaseOf, dataDir, to } = await world()
    const orders = databaseOf('order-service')
    await record(orders, 2_000)
    const writes: Promise<void>[] = []
    const shares: number[] = []
    const copied = await take((service, share) => {
      if (service !== 'order-service') return
      shares.push(share)
      writes.push(record(orders))
    })
    await Promise.all(writes)
    expect(shares.length).toBeGreaterThan(1)
    expect(shares.at(-1)).toBe(1)
    expect(copied.map(({ service, said }) => [service, said])).toEqual([
      ['order-service', 2_001],
      ['payment-service', 1],
    ])
    expect(readdirSync(to).sort()).toEqual(['manifest.json', 'order-service.db', 'payment-service.db'])
    expect(await countOf(orders)).toBe(2_001 + writes.length)
    expect(readdirSync(dataDir).filter((name) => name.includes('before'))).toEqual([])
  })

  it('of keys has nothing else, and puts back nothing else', async () => {
    const { backUp: take, putBack: restore, databaseOf, stop, open, to } = await world()
    const orders = databaseOf('order-service')
    await orders.run(`insert into keys.personal_keys values ('kept')`)
    await take(undefined, 'keys')
    expect(readdirSync(to).sort()).toEqual(['manifest.json', 'order-service.keys.db', 'payment-service.keys.db'])
    await orders.run(`insert into keys.personal_keys values ('since')`)
    await record(orders)
    await expect(restore({ service: 'order-service', force: true })).rejects.toThrow(/order-service runs/)
    await stop()
    await expect(restore({ service: 'order-service' })).rejects.toThrow(/keys made since the backup would be missing/)
    await restore({ service: 'order-service', force: true })
    await open('order-service')
    const again = databaseOf('order-service')
    expect(await again.all('select key_id from keys.personal_keys')).toEqual([{ key_id: 'kept' }])
    expect(await countOf(again)).toBe(2)
  })

  it('is never written over another', async () => {
    const { backUp: take } = await world()
    await take()
    await expect(take()).rejects.toThrow(/is not empty/)
  })

  it('of no database is refused', async () => {
    const { stop, dataDir, backUp: take } = await world()
    await stop()
    await rm(dataDir, { recursive: true })
    await mkdir(dataDir)
    await expect(take()).rejects.toThrow(/DATA_DIR/)
  })
})

describe('a restore', () => {
  it('puts all back, and what was there aside', async () => {
    const { backUp: take, putBack: restore, databaseOf, stop, open, dataDir } = await world()
    await take()
    await record(databaseOf('order-service'))
    await stop()
    const put = await restore({ force: true })
    expect(put.map(({ movedTo }) => movedTo)).toEqual(
      services.map((service) => join(dataDir, `${service}.db.before-2026-11-30T080000.000Z`)),
    )
    await open('order-service')
    expect(await countOf(databaseOf('order-service'))).toBe(1)
    expect(readdirSync(dataDir)).toContain('order-service.db.before-2026-11-30T080000.000Z')
  })

  it('of one service leaves the others alone', async () => {
    const { backUp: take, putBack: restore, stop, dataDir } = await world()
    await take()
    await stop()
    await rm(join(dataDir, 'payment-service.db'))
    expect(await restore({ service: 'payment-service' })).toEqual([{ service: 'payment-service', movedTo: undefined }])
    expect(readdirSync(dataDir).filter((name) => name.includes('before'))).toEqual([])
  })

  it('is refused while a service runs, whatever is forced', async () => {
    const { backUp: take, putBack: restore, dataDir } = await world()
    await take()
    await expect(restore({ force: true })).rejects.toThrow(/order-service runs.*\npayment-service runs/)
    expect(readdirSync(dataDir).filter((name) => name.includes('before'))).toEqual([])
  })

  it('is refused where the database has come farther than its copy, unless it is forced', async () => {
    const { backUp: take, putBack: restore, databaseOf, stop } = await world()
    await take()
    await record(databaseOf('payment-service'), 3)
    await stop()
    await expect(restore()).rejects.toThrow(
      /payment-service.db is newer than the backup: the service has recorded 3 messages/,
    )
    expect(await restore({ force: true })).toHaveLength(2)
  })

  it('is refused where a copy is not what was copied', async () => {
    const { backUp: take, putBack: restore, stop, to } = await world()
    await take()
    await stop()
    const path = join(to, 'order-service.db')
    const bytes = readFileSync(path)
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(restore()).rejects.toThrow(/SHA-256 differs/)
  })

  it('tells a folder that is no backup, and a service that is not in it', async () => {
    const { backUp: take, putBack: restore, to } = await world()
    await expect(restore()).rejects.toThrow(/no folder/)
    await mkdir(to)
    await expect(restore()).rejects.toThrow(/was not finished: it has no manifest.json/)
    await take()
    await expect(restore({ service: 'audit-service' })).rejects.toThrow(/it has order-service, payment-service/)
    writeFileSync(join(to, 'manifest.json'), '{}')
    await expect(restore()).rejects.toThrow(/was not written by npm run backup/)
  })

  it('replaces a database that cannot be read any more', async () => {
    const { backUp: take, putBack: restore, stop, open, databaseOf, dataDir } = await world()
    await take()
    await stop()
    writeFileSync(join(dataDir, 'order-service.db'), 'no database at all')
    expect(await restore()).toHaveLength(2)
    await open('order-service')
    expect(await countOf(databaseOf('order-service'))).toBe(1)
  })
})
