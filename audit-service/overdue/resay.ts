// Publishes recorded events again, byte for byte, to all their consumers. Handlers recognise an event by its id: a service that
// has handled it does nothing, and a service that missed it handles it now.
import { type Broker, nextTrace, type Publication, type Registry } from '@orders/shared/messaging'
import type { Reader } from '@orders/shared/storage'
import { keyOf as placeOf } from '../block.ts'
import { type Entry, identityOf } from '../domain.ts'
import { entriesUnder } from '../reading/store.ts'
import type { Overdue } from './store.ts'

/** The original priority is not stored. This one is neither urgent nor last. */
const PRIORITY = 4

/** The contracts of a domain, and which queue consumes which types. */
export interface Hearing {
  registry: Registry
  heard: Readonly<Record<string, readonly string[]>>
}

/** Whether a service consumes this type. */
export function heardIn({ heard }: Pick<Hearing, 'heard'>): (type: string) => boolean {
  const types = new Set(Object.values(heard).flatMap((patterns) => patterns.map((one) => one.replace(/\.#.*$/, ''))))
  return (type) => types.has(type)
}

/** The events without an answer that some service consumes, each once, as recorded. */
export async function factsOf(sql: Reader, domain: Hearing, gaps: readonly Overdue[]): Promise<Entry[]> {
  const isHeard = heardIn(domain)
  const wanted = new Map(
    gaps.flatMap(({ status, unanswered }) =>
      status === 'missing' && unanswered && isHeard(unanswered.event.type)
        ? [[identityOf(unanswered.event), placeOf(unanswered.subject, identityOf(unanswered.event))]]
        : [],
    ),
  )
  const found = await entriesUnder(sql, [...wanted.values()])
  const firsts = new Map([...found].reverse().map((entry) => [identityOf(entry), entry]))
  return [...wanted.keys()].flatMap((identity) => firsts.get(identity) ?? [])
}

/**
 * Resolves when the broker has confirmed all of them. A repeat after a failure publishes some again, which is harmless.
 *
 * @throws what `Broker.publish` throws
 */
export async function resay(broker: Pick<Broker, 'publish'>, domain: Hearing, facts: readonly Entry[]): Promise<void> {
  await Promise.all(facts.map((fact) => broker.publish(publicationOf(fact, domain))))
}

function publicationOf(entry: Entry, { registry }: Hearing): Publication {
  const { id, type, source, subject, time, causationId, body } = entry
  const { data } = JSON.parse(body) as { data?: unknown }
  const { exchange, routingKey } = registry.contracts.get(type)?.routeOf(data) ?? { exchange: '', routingKey: '' }
  return {
    exchange,
    routingKey,
    body: Buffer.from(body),
    properties: {
      messageId: id,
      type,
      appId: source.replace(/^\//, ''),
      timestamp: Math.floor(Date.parse(time) / 1000),
      correlationId: subject,
      contentType: 'application/cloudevents+json',
      priority: PRIORITY,
      headers: { ...nextTrace({}), attempt: 1, ...(causationId !== null && { 'causation-id': causationId }) },
    },
  }
}
