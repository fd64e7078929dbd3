// The result of a check, and the checks that hold for every domain.
import type { Kept } from './kept.ts'
import type { Letter } from './operator.ts'

export interface Violation {
  check: string
  /** The order, or what else the violation is about. */
  subject: string
  what: string
}

export interface Check {
  name: string
  /** How many things it checked. */
  looked: number
  violations: Violation[]
}

export type Complain = (subject: string, what: string) => void

/** Returns how many things it checked. A check with nothing to check has failed. */
export type Look<Evidence> = (evidence: Evidence, complain: Complain) => number | Promise<number>

export async function check<Evidence>(name: string, look: Look<Evidence>, evidence: Evidence): Promise<Check> {
  const violations: Violation[] = []
  const looked = await look(evidence, (subject, what) => violations.push({ check: name, subject, what }))
  if (looked === 0) violations.push({ check: name, subject: 'the simulation', what: 'there was nothing to look at' })
  return { name, looked, violations }
}

export function nothingWaits({ retries }: Pick<Kept, 'retries'>, complain: Complain): number {
  for (const { service, rows } of retries)
    for (const { id, why } of rows) complain(service, `${id} still waits: ${why}`)
  return retries.length
}

export function queuesAreEmpty({ queues }: Pick<Kept, 'queues'>, complain: Complain): number {
  for (const { name, messages } of queues) if (messages > 0) complain(name, `still holds ${messages}`)
  return queues.length
}

/** A dead letter that came back each time it was sent again must be garbage or allowed by `isExpected`. */
export function lettersAreAccounted(
  { letters, queues }: Pick<Kept, 'letters' | 'queues'>,
  complain: Complain,
  isExpected: (letter: Letter) => boolean = () => false,
): number {
  for (const letter of letters) {
    const { queue, id, type, subject, reason, arrivals, replays } = letter
    const isMended = arrivals <= replays
    if (!isMended && type !== 'garbage' && !isExpected(letter))
      complain(subject, `${id} cannot be handled: ${reason}, in ${queue}`)
  }
  return queues.filter(({ name }) => name.endsWith('.dlq')).length
}

export function outboxesAreEmpty({ outboxRows }: Pick<Kept, 'outboxRows'>, complain: Complain): number {
  for (const { service, rows } of outboxRows) if (rows > 0) complain(service, `${rows} messages were never published`)
  return outboxRows.length
}
