// Gathers all that is held of somebody from every service, by asking over the broker.
//
// Promise: a service that does not answer is named, and takes nothing away from what the others hold. What is gathered is given on at
// once, so that however much there is, only a page of it is in memory.
import { setTimeout as delay } from 'node:timers/promises'
import { ask, type Broker, type Cause, CROSSING, type Crossing, operationsOf } from '../messaging/index.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
import type { ExportPage } from './exporting.ts'
import type { About } from './holdings.ts'

export type Gathered =
  | { service: string; table: string; record: object }
  /** It has more, or may have: what came of it before is given out. */
  | { service: string; missing: string }

export type Gather = (whose: Omit<About, 'subjects'>, cause: Cause) => AsyncGenerator<Gathered>

interface Parts {
  broker: Broker
  services: readonly string[]
  crossing: Crossing
  openKey(ownerId: string): Promise<void>
  answerMs?: number
}

/** Of a service that reads a page of its tables. */
const ANSWER_MS = 5_000
/** Subjects of one question. */
const SUBJECTS = 100
/** A key that was made just now is with all services a moment later. */
const KEY_LOOKS = 20
const KEY_LOOK_MS = 100

export function gatheringBy({ broker, services, crossing, openKey, answerMs = ANSWER_MS }: Parts): Gather {
  async function pageOf(
    service: string,
    about: Omit<About, 'names'> & { names: string; after?: string },
    cause: Cause,
  ) {
    const { subjects, ...question } = about
    const request = { ...question, ...(subjects.length > 0 && { subjects: [...subjects] }) }
    for (let looks = 1; ; looks++) {
      try {
        const { page, next } = await ask(broker, operationsOf(service).export, request, answerMs, cause)
        // The cast is the edge to another copy of the same code, which has sealed it.
        return { ...(JSON.parse(await crossing.open(page)) as ExportPage), next }
      } catch (thrown) {
        const error = asError(thrown)
        if (errorCode(error) !== 'key_missing' || looks === KEY_LOOKS) throw error
        await delay(KEY_LOOK_MS)
      }
    }
  }

  return async function* gather({ ownerId, names: plain }, cause) {
    await openKey(CROSSING)
    const names = await crossing.seal(JSON.stringify(plain))
    const missing = new Set<string>()
    // Some things are said of the owner themselves.
    const known = new Set([ownerId])

    async function* from(service: string, subjects: readonly string[]): AsyncGenerator<Gathered> {
      for (let after: string | null | undefined; after !== null && !missing.has(service); ) {
        try {
          const page = await pageOf(service, { ownerId, names, subjects, ...(after !== undefined && { after }) }, cause)
          for (const subject of page.subjects) known.add(subject)
          after = page.next
          yield* page.records.map((found) => ({ service, ...found }))
          for (const why of page.missing ?? []) yield { service, missing: why }
        } catch (thrown) {
          const error = asError(thrown)
          // Refused or not answered; anything else is a fault of ours.
          if (!(error instanceof RejectedError)) throw error
          missing.add(service)
          yield { service, missing: error.message }
        }
      }
    }

    for (const service of services) yield* from(service, [])
    const subjects = [...known]
    for (let at = 0; at < subjects.length; at += SUBJECTS)
      for (const service of services) yield* from(service, subjects.slice(at, at + SUBJECTS))
  }
}
