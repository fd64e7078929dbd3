// Gathers everything that all services store about a person, by asking them over the broker.
//
// Promise: a service that does not answer is named, and the data of the others is complete. Data is passed on at once, so that
// only one page is in memory.
import { setTimeout as delay } from 'node:timers/promises'
import { ask, type Broker, type Cause, CROSSING, type Crossing, operationsOf } from '../messaging/index.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
import type { ExportPage } from './exporting.ts'
import type { About } from './holdings.ts'

export type Gathered =
  | { service: string; table: string; record: object }
  /** The service has, or may have, more. What it sent before is passed on. */
  | { service: string; missing: string }

export type Gather = (whose: Omit<About, 'subjects'>, cause: Cause) => AsyncGenerator<Gathered>

interface Parts {
  broker: Broker
  services: readonly string[]
  crossing: Crossing
  openKey(ownerId: string): Promise<void>
  answerMs?: number
}

/** Time to read one page of a service's tables. */
const ANSWER_MS = 5_000
/** Subjects in one question. */
const SUBJECTS = 100
/** A new key takes a moment to reach all services. */
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
        // Decoding edge: another copy of this code has encrypted the page.
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
    // Some events have the owner as their subject.
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
          // The service refused or did not answer. Any other error is our fault.
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
