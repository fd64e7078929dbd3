// Copies of what takes in and releases notifications, over one database: each with a kernel of its own, and each may die.
import { join } from 'node:path'
import { registry, topology } from '@orders/shared/contracts'
import { createGroupCommit, createOutbox } from '@orders/shared/messaging'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { onTestFinished } from 'vitest'
import { type DeliveryRow, deliveriesOf } from '../deliveries/store.ts'
import type { Notification } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import { startReleasing } from '../holding/release.ts'
import { findTelling } from '../store.ts'
import { terms as plainTerms } from './terms.ts'

interface Settings {
  at: string
  terms?: typeof plainTerms
  /** Opens the same database again and again; a SQLite file where it is not said. */
  open?: () => Database | Promise<Database>
}

export async function openCopies(count: number, { at, terms = plainTerms, open }: Settings) {
  const broker = createMemoryBroker(topology)
  const clock = { now: at }
  const openDatabase = open ?? (await fileOpener())

  async function openCopy() {
    const database = await openDatabase()
    const shared = join(import.meta.dirname, '..', '..', 'shared', 'storage', 'migrations')
    await migrate(database, [shared, join(import.meta.dirname, '..', 'migrations')])
    const { log, lines } = await keepingLog('notification-service')
    const now = () => new Date(clock.now)
    const connection = broker.connect('notification-service')
    const outbox = createOutbox({ database, broker: connection, log, now })
    let tries: number | undefined
    const mortal: Database = {
      ...database,
      transaction: (work) =>
        database.transaction(async (tx) => {
          const result = await work(tx)
          if (tries === undefined) return result
          tries++
          throw new Error('killed')
        }),
    }
    const groups: number[] = []
    const committed = (members: number) => groups.push(members)
    const commit = createGroupCommit({
      database: mortal,
      outbox,
      service: 'notification-service',
      registry,
      now,
      committed,
    })
    onTestFinished(async () => {
      await commit.close()
      await outbox.close()
      await connection.close(1_000)
      await database.close()
    })
    return {
      database,
      commit,
      outbox,
      log,
      lines,
      /** How many members each group had that it has committed. */
      groups,
      takeIn: (notification: Notification, takenInAt = clock.now) =>
        commit.submit({
          reads: (known) => readsOfTakingIn(notification, terms, known),
          decide: (draft) => ({ result: undefined, messages: takeIn(draft, notification, takenInAt, terms) }),
        }),
      /** Looks for what is due from now on, until the test ends or it is closed. */
      release() {
        const releasing = startReleasing({ database, commit, log, now, pollMs: 10, terms })
        onTestFinished(() => releasing.close())
        return releasing
      },
      /** From now on every transaction of this copy is cut off when its work is done. Tells how many were. */
      diesBeforeCommit() {
        tries = 0
        return () => tries ?? 0
      },
      /** From now on it commits, and publishes nothing. */
      diesAfterCommit() {
        outbox.send = () => undefined
      },
    }
  }

  const opened = []
  for (let copy = 0; copy < count; copy++) opened.push(await openCopy())
  const [first] = opened
  if (!first) throw new Error('no copy')
  const said = () => broker.messages('audit.queue').map(({ body }) => (JSON.parse(body) as { id: string }).id)
  return { first, opened, clock, said }
}
export type Copy = Awaited<ReturnType<typeof openCopies>>['first']

/** Where each channel of a notification stands; none of one that is not there. */
export async function standingsIn(database: Database, id: string): Promise<DeliveryRow[]> {
  const telling = await findTelling(database, id)
  return telling ? deliveriesOf(telling) : []
}

async function fileOpener() {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  return () => openSqlite(join(scratch.path, 'notification.db'))
}
