// Asks every service over the broker for its state, and adds the reports of its copies.
import { ask, type Broker, operationsOf } from '@orders/shared/messaging'
import { asError, RejectedError } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { type Answer, type Looked, lookedAt } from './looked.ts'
import { listCopies } from './store.ts'

/** A service that answers does so in milliseconds. */
const ANSWER_MS = 2_000

interface Options {
  broker: Broker
  database: Reader
  services: readonly string[]
  now: () => Date
  answerMs?: number
}

/** Calls during a look get its result. */
export function lookAtServices(options: Options): () => Promise<Looked[]> {
  const { broker, database, services, now, answerMs = ANSWER_MS } = options
  let looking: Promise<Looked[]> | undefined

  async function answerOf(service: string): Promise<Answer> {
    const { fault } = broker.status()
    if (fault !== undefined) return { error: new Error(`audit-service cannot ask it: ${fault}`) }
    return ask(broker, operationsOf(service).state, {}, answerMs).then(
      (state) => ({ state }),
      (thrown: unknown) => ({ error: silent(asError(thrown), answerMs) }),
    )
  }

  async function look(): Promise<Looked[]> {
    const [answers, copies] = await Promise.all([Promise.all(services.map(answerOf)), listCopies(database)])
    const at = now().toISOString()
    return services.flatMap((service, index) => {
      const answer = answers[index]
      return answer ? [lookedAt(service, answer, copies, at)] : []
    })
  }

  return () => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
}

/** The error of a question says what whoever asked may do, which is of no use here. */
const silent = (error: Error, answerMs: number) =>
  error instanceof RejectedError && error.code === 'no_answer_in_time'
    ? new Error(`no answer within ${answerMs / 1_000} s`)
    : error
