// Detects a database that is older than what it has published: one that was lost or restored from an old copy.
//
// At start it asks audit-service in the background until there is an answer. Without an answer it reports nothing.
import type { LogContracts } from '../contracts/definition/log.ts'
import { ask, type Broker, isBehind, marksOf } from '../messaging/index.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database } from '../storage/index.ts'

interface Options {
  service: string
  contracts: LogContracts
  broker: Broker
  database: Database
  log: Log
}

export interface Behind {
  /** For people; undefined while nothing is known to be missing. */
  fault(): string | undefined
  close(): void
}

const ASK_EVERY_MS = 5_000
const ANSWER_MS = 2_000

export function watchBehind({ service, contracts, broker, database, log }: Options): Behind {
  let fault: string | undefined
  const look = async () => {
    const { marks } = await ask(broker, contracts.marks, { service }, ANSWER_MS)
    // Read after the answer: everything published by then had been recorded before.
    const own = await marksOf(database)
    close()
    if (!isBehind(own, marks)) return log.info('the database has everything that was published')
    fault = `database_behind: this database is older than what ${service} has published: stop it, then npm run heal -- --service ${service}`
    log.error({ own, published: marks }, fault)
  }
  const looks = lookEvery(ASK_EVERY_MS, look, (err) =>
    log.debug({ err }, 'cannot ask audit-service how far this database should be'),
  )
  // If a question is open when the service stops, the broker's close rejects it.
  const close = () => void looks.close()
  broker.ready().then(looks.now, () => undefined)
  return { fault: () => fault, close }
}
