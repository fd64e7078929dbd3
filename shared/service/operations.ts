// Answers operators' questions over the broker and reports the state of each copy. Services ask each other only over the
// broker; HTTP is for people.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { operationsOf, type ServiceState } from '../contracts/definition/operations.ts'
import {
  type ConsumerOptions,
  countRetries,
  countRows,
  createRehearsal,
  type Kernel,
  operationsExchange,
  operationsQueueOf,
  type Properties,
  type Rehearse,
  type Replier,
  replies,
  serve,
  type Taking,
} from '../messaging/index.ts'
import type { WatchedBreaker } from '../runtime/breaker.ts'
import { RejectedError } from '../runtime/errors.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Wired } from './definition.ts'
import type { exporterOf } from './exporting.ts'
import type { Waiting } from './waiting.ts'

interface Parts {
  /** The consumers for which a message can be rehearsed. */
  consumers: readonly ConsumerOptions[]
  rpc?: Wired['rpc']
  waiting: Waiting
  breakers: readonly WatchedBreaker[]
  /** The faults of readiness. */
  faults(): Promise<string[]>
  /** `removed` of the service's wiring. */
  removed?: Wired['removed']
  exporting: ReturnType<typeof exporterOf>
}

type State = () => Promise<ServiceState>

/** There are few operators. */
const PREFETCH = 8
/** A whole message in base64, with what surrounds it. */
const QUESTION_MAX_BYTES = 1_500_000
/** Frequent enough that three missed reports are noticed soon. */
const REPORT_EVERY_MS = 10_000

/** Starts at once. The caller closes it. */
export function serveOperations(kernel: Kernel, parts: Parts): Taking {
  const state = stateOf(kernel, parts)
  const rehearse = createRehearsal(kernel, parts.consumers, parts.rpc)
  const { waiting, removed, exporting } = parts
  const answers = answersOf(kernel.service, state, { waiting, removed, exporting, rehearse })
  const serving = serve(kernel, operationsQueueOf(kernel.service), PREFETCH, answers, {
    keepsDeadLetters: false,
    bodyMaxBytes: QUESTION_MAX_BYTES,
    // The operations console asks every few seconds.
    logLevel: 'debug',
  })
  const reports = report(kernel, state)
  return {
    ...serving,
    async close() {
      await reports.close()
      await serving.close()
    },
  }
}

/** Returns a function that reads the state of this copy. */
function stateOf({ service, version, database, now }: Kernel, { breakers, faults }: Parts): State {
  const copy = `${hostname()}/${randomUUID().slice(0, 8)}`
  const startedAt = now().toISOString()
  return async () => {
    // If the database is unavailable, `faults` says so.
    const [outboxRows, retries] = await Promise.all([
      countRows(database).catch(() => null),
      countRetries(database).catch(() => []),
    ])
    return {
      ...{ service, version, copy, startedAt, outboxRows, faults: await faults() },
      retries,
      openBreakers: breakers.filter(({ state }) => state() !== 'closed').map(({ name }) => name),
    }
  }
}

/** The same answers for every service. */
function answersOf(
  service: string,
  state: State,
  { waiting, removed, exporting, rehearse }: Pick<Parts, 'waiting' | 'removed' | 'exporting'> & { rehearse: Rehearse },
): Replier[] {
  const operations = operationsOf(service)
  return [
    replies(operations.state, state),
    replies(operations.retries, (wanted) => waiting.list(wanted)),
    replies(operations.hasten, ({ id }, trace) => waiting.hasten(id, trace)),
    replies(operations.giveUp, ({ id }, trace) => waiting.giveUp(id, trace)),
    replies(operations.removed, async ({ subjects }) => ({ subjects: [...((await removed?.(subjects)) ?? [])] })),
    replies(operations.rehearse, ({ queue, body, properties, ...way }) =>
      rehearse(queue, {
        ...way,
        body: Buffer.from(body, 'base64'),
        properties: propertiesIn(properties),
        redelivered: false,
      }),
    ),
    replies(operations.export, exporting),
  ]
}

/** @throws RejectedError 400 `invalid_data` */
function propertiesIn(text: string): Properties {
  try {
    // Decoding edge: audit-service stores the properties as they came. The decoder trusts none of them.
    return JSON.parse(text) as Properties
  } catch (error) {
    throw new RejectedError(400, 'invalid_data', 'the properties are not JSON', { cause: error })
  }
}

/** Reports the state of this copy regularly, and once more when it is closed. */
function report({ broker, log }: Kernel, state: State) {
  async function tell(): Promise<void> {
    const current = await state()
    if (broker.status().fault === undefined)
      broker.tell(operationsExchange, 'service.state', Buffer.from(JSON.stringify(current)))
  }
  const looks = lookEvery(REPORT_EVERY_MS, tell, (err) => log.warn({ err }, 'cannot report the state of this copy'))
  // If the broker is closed before it was ready, no report is needed.
  broker.ready().then(looks.now, () => undefined)
  return {
    async close(): Promise<void> {
      await looks.close()
      await tell().catch(() => undefined)
    },
  }
}
