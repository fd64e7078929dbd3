// Sees everything that is published, and records at once what can never be right.
import { hash as digest } from 'node:crypto'
import type { Publication } from '../../messaging/broker.ts'
import { deadLetterExchange, keysExchange } from '../../topology/queues.ts'
import type { Process } from './process.ts'
import type { Check, Violation } from './verdict.ts'

export interface Witness {
  /** Whether each fact was decided once: all messages with one id must be equal to the byte. */
  saidOnce(): Check
  /** Every event, with its subject. */
  events: ReadonlyMap<string, { subject: string }>
  /** The subjects for which something was retried. */
  triedAgain: ReadonlySet<string>
  /** A sample of publications, to be published again. */
  old: Publication[]
  published(publication: Publication): void
  /** A process could not handle a message. If `subject` is undefined, it could handle none. */
  failed(by: Process, subject: string | undefined, code: string): void
}

const SAID_ONCE = 'every message says what it said first'
const OLD_MAX = 4_000

export function createWitness(): Witness {
  const saidAnew: Violation[] = []
  const said = new Map<string, string>()
  const events = new Map<string, { subject: string }>()
  const triedAgain = new Set<string>()
  const old: Publication[] = []
  let seen = 0

  function once({ exchange, properties: { messageId = '', correlationId = '' }, body }: Publication): void {
    const hash = digest('sha1', body)
    const known = said.get(messageId)
    said.set(messageId, known ?? hash)
    if (exchange !== '' && exchange !== keysExchange) events.set(messageId, { subject: correlationId })
    if (known !== undefined && known !== hash)
      saidAnew.push({ check: SAID_ONCE, subject: correlationId, what: `${messageId} was decided twice` })
  }

  return {
    saidOnce: () => ({ name: SAID_ONCE, looked: said.size, violations: saidAnew }),
    events,
    triedAgain,
    old,
    published(publication) {
      if (publication.exchange === deadLetterExchange) return
      once(publication)
      // An even sample over the whole run so far.
      if (old.length < OLD_MAX) old.push(publication)
      else if (seen % 16 === 0) old[(seen / 16) % OLD_MAX] = publication
      seen += 1
    },
    failed(_, subject) {
      if (subject !== undefined) triedAgain.add(subject)
    },
  }
}
