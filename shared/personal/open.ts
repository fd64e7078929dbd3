// Opens everything that a service needs for personal data: encryption, decryption, and the keys for both.
import type { Registry } from '../contracts/definition/registry.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'
import { crossingBy } from './crossing.ts'
import type { Master } from './master.ts'
import { openingBy, sealingBy, showingBy } from './messages.ts'
import { createPacking } from './packed.ts'
import { createRecentCipher } from './recent-cipher.ts'
import { sealedDatabase } from './sealed-database.ts'
import { prepareKeys, rewrap } from './store.ts'
import { createVault } from './vault.ts'

interface Options {
  database: Database
  registry: Registry
  master: Master
  isSealing: boolean
  log: Pick<Log, 'info' | 'error'>
  random?: ((bytes: number) => Buffer) | undefined
}

/** The messages about some thousand orders under way. */
const MESSAGES = { generationChars: 4_194_304, saidAgainMax: 500 }

export type Personal = Awaited<ReturnType<typeof openPersonal>>

/** Use the returned `database` instead of the one passed in. */
export async function openPersonal({ database, registry, master, isSealing, log, random }: Options) {
  await prepareKeys(database)
  const { rewrapped, foreign } = await rewrap(database, master)
  if (rewrapped > 0) log.info({ keys: rewrapped }, 'keys wrapped again by the new master key')
  if (foreign > 0)
    log.error({ keys: foreign }, 'keys that no master key of this service unwraps: see MASTER_KEY_PREVIOUS')
  const vault = createVault({ master, isSealing, log, ...(random && { random }) })
  const cipher = createRecentCipher(MESSAGES)
  return {
    vault,
    database: sealedDatabase(database, vault, createPacking(registry.dictionaries)),
    seal: sealingBy(vault, cipher, registry),
    open: openingBy(vault, cipher, registry, database),
    show: showingBy(vault, cipher, registry, database),
    crossing: crossingBy(vault, database),
  }
}
