// Patterns for RFC 3339 instants that exist in the calendar. JavaScript reads 30 February as 2 March.
import { Type } from 'typebox'

const LEAP_YEAR = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)'
const DAY_OF_ANY_YEAR =
  '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8])'
const DAY = `(?:\\d{4}-(?:${DAY_OF_ANY_YEAR})|${LEAP_YEAR}-02-29)`
const MINUTE = '(?:[01]\\d|2[0-3]):[0-5]\\d'
const SECOND = ':[0-5]\\d(?:\\.\\d{1,9})?'
const OFFSET = `(?:Z|[+-]${MINUTE})`

const ANY = `^${DAY}T${MINUTE}(?:${SECOND})?${OFFSET}$`

/** Between services: always UTC. */
export const Instant = Type.String({
  pattern: `^${DAY}T${MINUTE}${SECOND}Z$`,
  description: 'RFC 3339, in UTC',
})

/** From people and foreign programs: any offset, and seconds are optional. */
export const OffsetInstant = Type.String({
  pattern: ANY,
  description: 'RFC 3339, for example 2026-11-21T18:30:00Z',
})

const anyInstant = new RegExp(ANY)

export function isInstant(text: string): boolean {
  return anyInstant.test(text)
}
