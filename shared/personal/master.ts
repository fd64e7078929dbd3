// Loads the master key, which wraps personal keys, from the environment or a file. On a developer's machine it creates the
// file.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { unwrap, wrap } from './cipher.ts'

export interface Master {
  /** Identifies the master key and reveals nothing of it. */
  id: string
  wrap(key: Buffer): string
  /** Undefined if none of our master keys wrapped it. */
  unwrap(wrapped: string, masterId: string): Buffer | undefined
}

interface Settings {
  masterKey?: string
  masterKeyFile?: string
  masterKeyPrevious?: string
  dataDir: string
}

const KEY_BYTES = 32
const FILE = 'master.key'

/**
 * The keys in `masterKeyPrevious` only unwrap what they have wrapped.
 *
 * @throws BrokenError `bad_master_key`
 */
export function openMaster(settings: Settings, log: Pick<Log, 'info'>): Master {
  const key = keyOf(settings.masterKey ?? fromFile(settings, log), 'MASTER_KEY')
  const previous = (settings.masterKeyPrevious ?? '').split(',').filter((text) => text !== '')
  const all = new Map(
    [key, ...previous.map((text) => keyOf(text, 'MASTER_KEY_PREVIOUS'))].map((one) => [idOf(one), one]),
  )
  return {
    id: idOf(key),
    wrap: (one) => wrap(key, one),
    unwrap(wrapped, masterId) {
      const by = all.get(masterId)
      return by && unwrap(by, wrapped)
    },
  }
}

const idOf = (key: Buffer) => createHash('sha256').update('master key').update(key).digest('base64url').slice(0, 12)

function keyOf(text: string, from: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length === KEY_BYTES) return key
  const found = `${from} holds ${key.length} bytes`
  throw new BrokenError('bad_master_key', `${found}; it must be 32 in base64, as openssl rand -base64 32 makes them`)
}

function fromFile({ masterKeyFile, dataDir }: Settings, log: Pick<Log, 'info'>): string {
  const path = masterKeyFile ?? join(dataDir, FILE)
  if (masterKeyFile === undefined && make(dataDir, path))
    log.info({ path }, 'a master key was made for personal data: in production set MASTER_KEY, and keep it elsewhere')
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new BrokenError('bad_master_key', `${path} cannot be read: ${asError(error).message}`)
  }
}

/**
 * Creates the file completely or not at all. Of several processes that start at once, one succeeds. Returns false if the file
 * exists.
 */
function make(folder: string, path: string): boolean {
  mkdirSync(folder, { recursive: true })
  const fresh = join(folder, `${FILE}.${randomUUID()}`)
  try {
    writeFileSync(fresh, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flush: true })
    linkSync(fresh, path)
    return true
  } catch (thrown) {
    if (errorCode(asError(thrown)) === 'EEXIST') return false
    throw thrown
  } finally {
    rmSync(fresh, { force: true })
  }
}
