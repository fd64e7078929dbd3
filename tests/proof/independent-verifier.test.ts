// A verifier that shares no code with us, made of the packages of Go's checksum database, checks the log of a system whose audit was
// killed under load, and finds what its owner does to it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@orders/shared/storage'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireGo } from '../../scripts/go/install.ts'
import { capture } from '../../scripts/processes/child.ts'
import { orderForm, placeAll } from '../support/load.ts'
import { type TestDatabase, testDatabases } from '../support/postgres.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const EVENT = 'order-0/order.created'
const UNPROTECT = {
  sqlite: 'drop trigger blocks_are_not_changed',
  postgres: 'alter table blocks disable trigger user',
}
let folder: Awaited<ReturnType<typeof scratchFolder>>
let verifier: string

beforeAll(async () => {
  folder = await scratchFolder()
  verifier = join(folder.path, 'verifier')
  const { program, environment } = await requireGo(console.error, AbortSignal.timeout(300_000))
  const env = { ...process.env, ...environment, GOCACHE: join(folder.path, 'cache') }
  await capture(program, ['build', '-o', verifier, join(import.meta.dirname, 'verifier', 'main.go')], { env })
}, 300_000)
afterAll(() => folder.remove())

describe.each(['SQLite', 'PostgreSQL'])('the audit log on %s', (kind) => {
  let databases: TestDatabase | undefined
  let vhost: Vhost
  let system: System
  let kept: string

  beforeAll(async () => {
    databases = kind === 'PostgreSQL' ? testDatabases() : undefined
    vhost = await createVhost()
    const environment: Record<string, string> = databases ? { DATABASE_URL: databases.url } : {}
    system = await startSystem({ amqpUrl: vhost.amqpUrl, environment })
    kept = join(folder.path, kind)
  }, 120_000)
  afterAll(async () => {
    await system?.stop()
    await vhost?.remove()
    await databases?.remove()
  }, 60_000)

  const textOf = async (path: string) => (await fetch(system.url('audit') + path)).text()
  const verify = async (...more: string[]) =>
    capture(verifier, [system.url('audit'), (await textOf('/audit/key')).trim(), 'none', EVENT, ...more])
  const place = (from: number, count: number) =>
    placeAll(
      system,
      Array.from({ length: count }, (_, index) => orderForm('order', from + index)),
    )
  /** All orders have ended, and every event of theirs is in the tree. */
  const settled = async (orders: number) => {
    for (let number = 0; number < orders; number++) await system.ended(`order-${number}`, 60_000)
    await eventually(
      'everything is signed',
      async () => {
        const { events, size, ok } = await system.get<{ events: number; size: number; ok: boolean }>(
          '/audit/verify',
          'audit',
        )
        return ok && events === size && Object.keys(await vhost.waiting()).length === 0
      },
      60_000,
    )
  }

  it('holds, after its service was killed under load, and begins as it did', async () => {
    await place(0, 20)
    await settled(20)
    await writeFile(kept, await textOf('/checkpoint'))
    const placing = place(20, 30)
    await system.kill('audit')
    await system.start('audit')
    await placing
    await settled(50)
    expect(await verify(kept)).toMatch(/^begins with \d+ entries\nholds \d+ entries\n$/)
  }, 180_000)

  it('does not hold when its owner has changed a leaf: its verdict and our own', async () => {
    const database = await openDatabase('audit-service', system.dataDir, databases?.url)
    try {
      await database.run(UNPROTECT[database.dialect])
      const row = await database.get<{ hashes: Buffer }>('select hashes from blocks where first = 1')
      const hashes = Buffer.from(row?.hashes ?? '')
      hashes[0] = (hashes[0] ?? 0) ^ 1
      await database.run('update blocks set hashes = ? where first = 1', hashes)
    } finally {
      await database.close()
    }
    await expect(verify(kept)).rejects.toThrow('BROKEN')
    expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: false, brokenAt: 1, why: 'changed' })
  })
})
