// A key is read once and stays at hand; what another copy of the service has dropped does not.
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Database, migrate, openSqlite, type Reader } from '../../storage/index.ts'
import { keepingLog, scratchFolder } from '../../testing/index.ts'
import { openMaster } from '../master.ts'
import { showingBy } from '../messages.ts'
import { createRecentCipher } from '../recent-cipher.ts'
import { keepKeys, keysOf, prepareKeys } from '../store.ts'
import { createVault, type Vault } from '../vault.ts'

const OWNER = 'cus_abcdefghijklmnopqrstuvwxyz'
const OTHER = 'cus_zyxwvutsrqponmlkjihgfedcba'
const AT = '2026-11-21T08:30:00.000Z'
const afterMs = (ms: number) => new Date(Date.parse(AT) + ms)

let database: Database
let vault: Vault
let keyIds: string[]
let close: () => Promise<void>

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const folder = await scratchFolder()
  const opened = openSqlite(join(folder.path, 'a.db'), join(folder.path, 'a.keys.db'))
  await migrate(opened, [join(import.meta.dirname, '..', '..', 'storage', 'migrations')])
  await prepareKeys(opened)
  const { log } = await keepingLog()
  const master = openMaster({ masterKey: Buffer.alloc(32, 'one').toString('base64'), dataDir: '' }, log)
  vault = createVault({ master, isSealing: true, log })
  const made = [OWNER, OTHER].map((ownerId) => ({ ownerId, ...vault.make(AT) }))
  await keepKeys(opened, made)
  keyIds = made.map(({ keyId }) => keyId)
  database = opened
  close = async () => {
    await opened.close()
    await folder.remove()
  }
})

afterEach(async () => {
  vi.useRealTimers()
  await close()
})

/** What another copy of the service does. */
const drop = (ownerId: string, at: Date) =>
  database.run(
    'update keys.personal_keys set wrapped = null, forgotten_at = ? where owner_id = ?',
    at.toISOString(),
    ownerId,
  )

/** How many statements it takes until all keys are at hand, by name and by owner. One tells of both. */
async function reads(): Promise<number> {
  let count = 0
  const counting: Reader = {
    ...database,
    all(sql, ...values) {
      count += 1
      return database.all(sql, ...values)
    },
  }
  await vault.fetch(counting, keyIds)
  await vault.fetchFor(counting, [OWNER, OTHER])
  return count
}

it('is read once in a minute while looks find it in its place', async () => {
  expect(await reads()).toBe(1)
  const secrets = vault.secrets(keyIds[0] ?? '')
  for (let seconds = 4; seconds < 60; seconds += 4) {
    vi.advanceTimersByTime(4_000)
    await vault.look(database, afterMs(seconds * 1_000))
    expect(await reads()).toBe(0)
  }
  vi.advanceTimersByTime(4_000)
  expect(await reads()).toBe(1)
  // The same still, so that what was sealed by it is known to be.
  expect(vault.secrets(keyIds[0] ?? '')).toBe(secrets)
})

it('is read again after ten seconds while nothing can be looked for', async () => {
  await reads()
  vi.advanceTimersByTime(9_999)
  expect(await reads()).toBe(0)
  vi.advanceTimersByTime(1)
  expect(await reads()).toBe(1)
})

it('is forgotten with the next look where another copy has dropped it, and nobody else’s is', async () => {
  await reads()
  const [gone = '', kept = ''] = keyIds
  // By a host whose clock is a minute behind.
  await drop(OWNER, afterMs(-60_000))
  expect(vault.sealingFor(OWNER)).toMatchObject({ keyId: gone })
  await vault.look(database, afterMs(4_000))
  expect(vault.secrets(gone)).toBeUndefined()
  expect(vault.sealingFor(OWNER)).toBeUndefined()
  expect(vault.sealingFor(OTHER)).toMatchObject({ keyId: kept })
  await reads()
  expect(vault.secrets(gone)).toBe('forgotten')
  expect(vault.sealingFor(OWNER)).toBe('forgotten')
})

it('is read again after ten seconds where a look has failed, whatever was looked for before', async () => {
  await reads()
  vi.advanceTimersByTime(4_000)
  await vault.look(database, afterMs(4_000))
  vi.advanceTimersByTime(4_000)
  const away = { ...database, all: () => Promise.reject(new Error('the database is away')) } as Reader
  await expect(vault.look(away, afterMs(8_000))).rejects.toThrow('away')
  vi.advanceTimersByTime(5_999)
  expect(await reads()).toBe(0)
  vi.advanceTimersByTime(1)
  expect(await reads()).toBe(1)
})

it('that comes after it was forgotten is read after ten seconds, whatever is looked for', async () => {
  const [row] = await keysOf(database, [OWNER])
  if (!row) throw new Error('it was not kept')
  await drop(OWNER, afterMs(-3_600_000))
  vault.hear(row)
  for (const ms of [4_000, 5_999]) {
    vi.advanceTimersByTime(ms)
    await vault.look(database, afterMs(ms))
  }
  expect(vault.isAtHand(row.keyId)).toBe(true)
  vi.advanceTimersByTime(1)
  expect(vault.isAtHand(row.keyId)).toBe(false)
  await reads()
  expect(vault.secrets(row.keyId)).toBe('forgotten')
})

it('shows an event whose type and subject have no text as it is', async () => {
  const odd = { type: { toString: false }, subject: { toString: false }, data: { kept: 1 } }
  const registry = { contracts: new Map(), rpcs: [], sources: new Set<string>() }
  const cipher = createRecentCipher({ generationChars: 1_000, saidAgainMax: 100 })
  expect(await showingBy(vault, cipher, registry, database)([odd])).toEqual([{ kept: 1 }])
})
