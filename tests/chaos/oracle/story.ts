// Checks of the audit log: every event once, in an unbroken chain, and each order's story whole.
import { type Check, repeated } from './check.ts'
import { hearers, impliedEvents } from './implied-events.ts'

export const eventsOnce: Check = ({ events, chain }) => ({
  promise: 'every event id is in the audit log once, and its chain of hashes holds',
  checked: events.length,
  violations: [
    ...repeated(events.map(({ id }) => id)),
    ...(chain.brokenAt === null ? [] : [`the chain breaks at entry ${chain.brokenAt}`]),
    ...(chain.entries === events.length ? [] : [`${chain.entries} entries in the chain, ${events.length} events`]),
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

export const eventsHaveFacts: Check = (snapshot) => {
  const { required, allowed } = impliedEvents(snapshot)
  return {
    promise: 'no event without its state change',
    checked: snapshot.events.length,
    violations: snapshot.events
      .filter(({ id }) => !required.has(id) && !allowed.has(id))
      .map(({ id }) => `${id} follows from nothing`),
  }
}

export const eventsAreHeard: Check = (snapshot) => {
  const byType = hearers(snapshot)
  const pairs = snapshot.events.flatMap((event) => (byType.get(event.type) ?? []).map((heard) => ({ event, heard })))
  return {
    promise: 'everybody whom an event concerns has heard of it',
    checked: pairs.length,
    violations: pairs
      .filter(({ event, heard }) => !heard.shows(event.subject))
      .map(({ event, heard }) => `${event.id}: ${heard.by} knows nothing of it`),
  }
}
