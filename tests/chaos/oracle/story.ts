// Checks of the audit log: every event once, in an unbroken tree, and each order's story whole.
import { type Check, repeated } from './check.ts'
import { hearers, impliedEvents } from './implied-events.ts'

export const eventsOnce: Check = ({ events, tree }) => ({
  promise: 'every event id is in the audit log once, and its Merkle tree is valid',
  checked: events.length,
  violations: [
    ...repeated(events.map(({ id }) => id)),
    ...(tree.brokenAt === null ? [] : [`the tree breaks at entry ${tree.brokenAt}`]),
    ...(tree.entries === events.length ? [] : [`${tree.entries} entries in the tree, ${events.length} events`]),
  ],
})

export const factsHaveEvents: Check = (snapshot) => {
  const known = new Set(snapshot.events.map(({ id }) => id))
  const { required } = impliedEvents(snapshot)
  return {
    promise: 'no state change without its event',
    checked: required.size,
    violations: [...required].filter((id) => !known.has(id)).map((id) => `${id} is missing`),
  }
}

/** What a service beside an order's way says follows from rows of its own, of which nothing is known here. */
const ON_THE_WAY = /^\/?(order|inventory|payment|shipping|notification)[.-]/

export const eventsHaveFacts: Check = (snapshot) => {
  const { required, allowed } = impliedEvents(snapshot)
  const judged = snapshot.events.filter(({ type, source = '' }) => ON_THE_WAY.test(type) || ON_THE_WAY.test(source))
  return {
    promise: 'no event without its state change',
    checked: judged.length,
    violations: judged
      .filter(({ id }) => !required.has(id) && !allowed.has(id))
      .map(({ id }) => `${id} follows from nothing`),
  }
}

export const eventsAreHeard: Check = (snapshot) => {
  const byType = hearers(snapshot)
  const pairs = snapshot.events.flatMap((event) => (byType.get(event.type) ?? []).map((heard) => ({ event, heard })))
  return {
    promise: 'every consumer of an event has handled it',
    checked: pairs.length,
    violations: pairs
      .filter(({ event, heard }) => !heard.shows(event.subject))
      .map(({ event, heard }) => `${event.id}: ${heard.by} knows nothing of it`),
  }
}
