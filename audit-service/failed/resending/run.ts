// Sends failed messages again, in steps and at a limited rate, each only to the queue that gave it up, with a publisher
// confirm.
//
// Promise: after a crash any copy of the service continues. Messages in progress at the crash may be published twice, as any
// message may, but count as one failure. The replay stops by itself if a message fails again.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, type Properties, type Publication, RESEND, SENT_AGAIN_OF } from '@orders/shared/messaging'
import { asError, type Log, lookEvery, reached } from '@orders/shared/runtime'
import type { Database } from '@orders/shared/storage'
import { nextOf } from './domain.ts'
import {
  areAnyRunning,
  claimNext,
  countFailedAgain,
  type Sendable,
  saveDone,
  saveInterrupted,
  saveSent,
  saveStep,
  saveWatch,
  stopResend,
  type Told,
  takeTurn,
} from './store.ts'

export interface Resending {
  /** Looks at once for messages to send. */
  wake(): void
  close(): Promise<void>
}

interface Parts {
  database: Database
  broker: Pick<Broker, 'publish'>
  log: Log
  now: () => Date
}

const LOOK_EVERY_MS = 2_000
/** Much longer than a batch takes while the broker is available. After a crash, other copies wait this long. */
const TURN_MS = 5_000
const WATCHED_EVERY_MS = 250

/** Continues the replays that an earlier process left. The caller closes it. */
export function startResending({ database, broker, log, now }: Parts): Resending {
  const owner = randomUUID()
  const closing = new AbortController()
  const { signal } = closing
  const at = (laterMs = 0) => new Date(now().getTime() + laterMs).toISOString()
  const pause = (ms: number) => delay(Math.max(0, ms), undefined, { signal, ref: false }).catch(() => undefined)
  const closed = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))

  /** Advances the running replays in turn until none runs. */
  async function look(): Promise<void> {
    while (!signal.aborted && (await areAnyRunning(database))) {
      const resend = await database.transaction((tx) => takeTurn(tx, { owner, now: at(), until: at(TURN_MS) }))
      if (!resend) return
      await advance(resend)
    }
  }

  async function advance(resend: Told): Promise<void> {
    const next = nextOf(resend, await countFailedAgain(database, resend.id), at())
    switch (next.do) {
      case 'send':
        return send(resend, next.count)
      case 'watch':
        if (resend.watchUntil === null) await saveWatch(database, resend.id, next.until)
        return pause(Math.min(WATCHED_EVERY_MS, Date.parse(next.until) - now().getTime()))
      case 'step':
        await saveStep(database, resend.id, next.stepEnd, next.stepSize)
        return
      case 'stop':
        return stop(resend, next.why)
      case 'finish':
        await saveDone(database, resend.id, at())
        log.info({ resend: resend.id, total: resend.total }, 'replay is done')
    }
  }

  async function stop({ id }: Told, why: string): Promise<void> {
    if (await stopResend(database, id, why, at())) log.warn({ resend: id, why }, 'replay has stopped')
  }

  async function send(resend: Told, count: number): Promise<void> {
    const startedMs = performance.now()
    const claimed = await database.transaction((tx) => claimNext(tx, resend, count))
    const outcomes = await Promise.race([closed, Promise.all(claimed.map((one) => sendOne(resend, one)))])
    // The copy that continues sends them again.
    if (!outcomes) return
    const failures = outcomes.filter(({ error }) => error !== undefined)
    const idsOf = (chosen: typeof outcomes) => chosen.map(({ id }) => id)
    const sent = idsOf(outcomes.filter(({ error }) => error === undefined))
    const [first] = failures
    if (!first) await database.transaction((tx) => saveSent(tx, resend, sent, count))
    else {
      await database.transaction((tx) => saveInterrupted(tx, resend.id, sent, idsOf(failures)))
      await stop(resend, `${failures.length} cannot be published: ${first.error?.message}`)
    }
    await pause((claimed.length / resend.ratePerSecond) * 1_000 - (performance.now() - startedMs))
  }

  async function sendOne(resend: Told, failure: Sendable): Promise<{ id: string; error: Error | undefined }> {
    const error = await broker.publish(publicationOf(failure, resend.id)).then(() => undefined, asError)
    reached('replay')
    return { id: failure.id, error }
  }

  const looks = lookEvery(LOOK_EVERY_MS, look, (err) => log.warn({ err }, 'cannot continue the replay'))
  void looks.now()
  return {
    wake: () => void looks.now(),
    close() {
      closing.abort()
      return looks.close()
    },
  }
}

/**
 * Published as a first attempt, to the queue that gave it up. A message that matched no binding is published to its old
 * exchange.
 */
export function publicationOf(
  { id, home, exchange, routingKey, body, properties }: Sendable,
  resend: string,
): Publication {
  // The cast is safe: `letterOf` wrote it.
  const { headers, ...kept } = JSON.parse(properties) as Properties
  return {
    ...(home === null ? { exchange, routingKey } : { exchange: '', routingKey: home }),
    body,
    properties: { ...kept, headers: { ...headers, attempt: 1, [SENT_AGAIN_OF]: id, [RESEND]: resend } },
  }
}
