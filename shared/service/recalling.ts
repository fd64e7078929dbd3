// Applies a page of the audit log to a database that is rebuilt, with the handlers of its service.
import type { Received } from '../contracts/definition/contract.ts'
import {
  EarlyError,
  type GroupCommit,
  type Handler,
  insertRows,
  keptOf,
  type Outbox,
  owned,
  retries,
} from '../messaging/index.ts'
import { asError, errorCode, PermanentError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Told } from './history.ts'
import type { Owed, Pass } from './recall.ts'

interface Options {
  service: string
  commit: Pick<GroupCommit, 'submit'>
  log: Log
  now: () => Date
}

export function createRecalling({ service, commit, log, now }: Options) {
  /** Events that came before their turn: the log has them in their order of arrival. */
  let early: [Handler, Received, ReadonlySet<string>][] = []

  /** Decides as of the event's own time. Records only messages that the log does not have. */
  async function decide(handler: Handler, event: Received, said: ReadonlySet<string>): Promise<void> {
    const work = {
      reads: (known: Parameters<Handler['reads']>[1]) => handler.reads(event, known),
      decide(draft: Parameters<Handler['decide']>[1]) {
        const context = { now: event.time, attempt: 1, redelivered: true }
        const messages = handler.decide(event, draft, context, undefined)
        return { result: undefined, messages: messages.filter(({ id }) => !said.has(id)) }
      },
    }
    await commit.submit(work, { causationId: event.id }).catch((thrown: unknown) => {
      const error = asError(thrown)
      if (error instanceof EarlyError) return void early.push([handler, event, said])
      // It became a dead letter originally, too.
      if (!(error instanceof PermanentError)) throw error
      log.warn({ messageId: event.id, code: errorCode(error), why: error.message }, 'nothing follows from an event')
    })
  }

  /** Repeats as long as some of them have their turn. */
  async function decideEarly(): Promise<void> {
    for (let before = Number.POSITIVE_INFINITY; early.length < before; ) {
      const tried = early
      before = tried.length
      early = []
      for (const one of tried) await decide(...one)
    }
  }

  function keep({ event, delivery }: Told, { queue, reads, isOwed }: Owed): Promise<void> {
    const kept = keptOf(queue, delivery, now().toISOString(), event)
    return commit.submit({
      reads: (known) => [...reads(event, known), owned(retries, kept.id)],
      decide(draft) {
        if (isOwed(event, draft) && !draft.get(retries, kept.id)) draft.set(retries, kept.id, kept)
        return { result: undefined, messages: [] }
      },
    })
  }

  return {
    async recall(pass: Pass, told: readonly Told[]): Promise<void> {
      const own = told.filter(({ event }) => event.source === `/${service}`)
      const said = new Set(own.map(({ event }) => event.id))
      for (const handlers of pass) {
        const byType = new Map(handlers.map((handler) => [handler.type, handler]))
        await Promise.all(
          told.map(({ event }) => {
            const handler = byType.get(event.type)
            return handler && decide(handler, event, said)
          }),
        )
        await decideEarly()
      }
    },
    /** The events whose turn never came in the log. */
    left: (): readonly Received[] => early.map(([, event]) => event),
    async owe(all: readonly Owed[], told: readonly Told[]): Promise<void> {
      const owing = (one: Told) => all.filter(({ type }) => type === one.event.type).map((owed) => keep(one, owed))
      await Promise.all(told.flatMap(owing))
    },
  }
}

type Recording = Pick<Outbox, 'record' | 'send' | 'takeConfirmed' | 'lookAgain' | 'pending'>

/** Records messages for the service's next start, which publishes them. */
export function recordingOnly(now: () => Date): Recording {
  return {
    record: (tx, publications) => insertRows(tx, publications, { self: 'heal', at: now().toISOString() }),
    send: () => undefined,
    takeConfirmed: () => ({ forget: async () => undefined, ended: () => undefined }),
    lookAgain: () => undefined,
    pending: () => ({ underWay: 0, confirmed: 0 }),
  }
}
