// Rebuilds a service's database from the audit log, which audit-service sends page by page.
//
// Promise: nothing is published and no outside call is made meanwhile. The service learns again what it said itself. Its own
// handlers decide again what it heard, and their messages are recorded only if the log does not have them. A message that needs
// an outside call becomes a row and is handled at the service's next start. After an interruption, start again: nothing is
// changed twice.
import type { Static, TObject } from 'typebox'
import {
  ask,
  type Broker,
  createGroupCommit,
  keepKeys,
  keyOpener,
  learnMarks,
  openEpoch,
  openMaster,
  openPersonal,
} from '../messaging/index.ts'
import type { CommonConfig } from '../runtime/config.ts'
import { BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { openDatabase } from '../storage/index.ts'
import type { ServiceDefinition } from './definition.ts'
import { beginHealing, endHealing } from './healing.ts'
import { pagesOf, toldBy } from './history.ts'
import { upToDate } from './opening.ts'
import { createRecalling, recordingOnly } from './recalling.ts'

interface Seams {
  broker: Broker
  log: Log
  now: () => Date
  progress(done: { pass: number; passes: number; events: number }): void
}

const ANSWER_MS = 30_000

/**
 * The service must not be running. Its database may be empty or old; what it knows is kept.
 *
 * @throws BrokenError `no_recall` for a service that cannot be rebuilt; RejectedError when the log cannot be asked
 */
export async function heal<Schema extends TObject>(
  definition: ServiceDefinition<Schema>,
  config: Readonly<Static<Schema>> & CommonConfig,
  { broker, log, now, progress }: Seams,
): Promise<void> {
  const { name: service, domain, folder, recall: recallOf } = definition
  const { registry, log: contracts } = domain
  if (!recallOf || !contracts)
    throw new BrokenError(
      'no_recall',
      `${service} cannot be rebuilt from the audit log: restore a backup of its database`,
    )
  // Asked before anything is changed. If the log is unavailable, no half-built database is left.
  const { marks } = await ask(broker, contracts.marks, { service }, ANSWER_MS)
  const stored = await openDatabase(service, config.dataDir, config.databaseUrl)
  try {
    await upToDate(stored, folder, log)
    await openEpoch(stored)
    await beginHealing(stored)
    const master = openMaster(config, log)
    const personal = await openPersonal({ database: stored, registry, master, isSealing: config.encryptPersonal, log })
    const { vault, database, seal, open } = personal
    // One group at a time, since a later event must not be saved before an earlier one.
    const writing = { ...database, writersMax: 1 }
    const commit = createGroupCommit({ database: writing, outbox: recordingOnly(now), service, registry, now, seal })
    const openKey = keyOpener(vault, database, commit, now)
    const { passes, owed } = await recallOf({ config, database, openKey, now })
    const recalling = createRecalling({ service, commit, log, now })
    for (const [index, pass] of passes.entries()) {
      let events = 0
      for await (const { keys, bodies } of pagesOf((after) => ask(broker, contracts.history, { after }, ANSWER_MS))) {
        await keepKeys(stored, keys)
        const told = await toldBy(bodies, open, log)
        await recalling.recall(pass, told)
        if (index === passes.length - 1) await recalling.owe(owed, told)
        events += bodies.length
        progress({ pass: index + 1, passes: passes.length, events })
      }
    }
    for (const { id } of recalling.left())
      log.warn({ messageId: id }, 'an event that must come before another is missing')
    await commit.close()
    await database.transaction(async (tx) => {
      await learnMarks(tx, marks)
      await endHealing(tx)
    })
  } finally {
    await stored.close()
  }
}
