// Sees everything that is published and every message that a provider accepts, and objects at once to what can never be
// right, whatever comes later.
import { hash as digest } from 'node:crypto'
import type { Publication } from '@orders/shared/messaging'
import type { Process } from './process.ts'
import type { Check, Violation } from './verdict.ts'

export interface Witness {
  /** A fact is decided once: every message with one id is the same, to the byte. */
  saidOnce(): Check
  /** No provider is asked again once its answer is recorded, nor before without need. */
  toldOnce(): Check
  /** Every event, with its subject: what the audit must have. */
  events: ReadonlyMap<string, { subject: string }>
  /** The orders of which something had to be tried again. */
  triedAgain: ReadonlySet<string>
  /** Some of what was published, to be published again. */
  old: Publication[]
  published(publication: Publication): void
  /** A process could not handle a message, or any: then `subject` is undefined. */
  failed(by: Process, subject: string | undefined, code: string): void
  accepted(by: Process, message: { notificationId: string; channel: string; isRecorded(): boolean }): void
}

const SAID_ONCE = 'every message says what it said first'
const TOLD_ONCE = 'no provider is asked twice without need'
const OLD_MAX = 4_000

export function createWitness(): Witness {
  const saidAnew: Violation[] = []
  const toldAgain: Violation[] = []
  const said = new Map<string, string>()
  const events = new Map<string, { subject: string }>()
  const triedAgain = new Set<string>()
  const old: Publication[] = []
  const acceptances = new Map<string, { by: Process; troubles: number }>()
  /** How often something went wrong with a process. */
  const troubles = new Map<Process, number>()
  let seen = 0

  function once({ exchange, properties: { messageId = '', correlationId = '' }, body }: Publication): void {
    const hash = digest('sha1', body)
    const known = said.get(messageId)
    said.set(messageId, known ?? hash)
    if (exchange !== '') events.set(messageId, { subject: correlationId })
    if (known !== undefined && known !== hash)
      saidAnew.push({ check: SAID_ONCE, subject: correlationId, what: `${messageId} was decided twice` })
  }

  return {
    saidOnce: () => ({ name: SAID_ONCE, looked: said.size, violations: saidAnew }),
    toldOnce: () => ({ name: TOLD_ONCE, looked: acceptances.size, violations: toldAgain }),
    events,
    triedAgain,
    old,
    published(publication) {
      if (publication.exchange === 'dead-letter.exchange') return
      once(publication)
      // An even sample of all so far, as old as the run.
      if (old.length < OLD_MAX) old.push(publication)
      else if (seen % 16 === 0) old[(seen / 16) % OLD_MAX] = publication
      seen += 1
    },
    failed(by, subject, code) {
      if (subject !== undefined) triedAgain.add(subject)
      // The provider's own failure came before it accepted anything.
      if (code !== 'unavailable') troubles.set(by, (troubles.get(by) ?? 0) + 1)
    },
    accepted(by, { notificationId, channel, isRecorded }) {
      const key = `${notificationId} notification.${channel}.queue`
      const last = acceptances.get(key)
      acceptances.set(key, { by, troubles: troubles.get(by) ?? 0 })
      if (!last) return
      const complain = (what: string) =>
        toldAgain.push({ check: TOLD_ONCE, subject: notificationId, what: `${key} ${what}` })
      const hadTrouble = (troubles.get(last.by) ?? 0) > last.troubles
      if (isRecorded()) complain('was sent again although it was recorded as sent')
      else if (last.by.isAlive() && !hadTrouble) complain('was sent twice and nothing had gone wrong')
    },
  }
}
