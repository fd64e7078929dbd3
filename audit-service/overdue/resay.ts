// Says recorded facts again, byte for byte, to everybody who hears them. Handlers are idempotent by a fact's own id, so whoever
// has acted on it does nothing, and whoever never heard it acts now.
import { type Broker, nextTrace, type Publication, type Registry } from '@orders/shared/messaging'
import type { Reader } from '@orders/shared/storage'
import { keyOf as placeOf } from '../block.ts'
import { type Entry, identityOf } from '../domain.ts'
import { entriesUnder } from '../reading/store.ts'
import type { Overdue } from './store.ts'

/** Its own is not kept with the fact: neither urgent nor last. */
const PRIORITY = 4

/** What a domain says of who hears what. */
export interface Hearing {
  registry: Registry
  heard: Readonly<Record<string, readonly string[]>>
}

/** Whether anybody acts on this type. */
export function heardIn({ heard }: Pick<Hearing, 'heard'>): (type: string) => boolean {
  const types = new Set(Object.values(heard).flatMap((patterns) => patterns.map((one) => one.replace(/\.#.*$/, ''))))
  return (type) => types.has(type)
}

/** Each fact that is unanswered and that somebody acts on, once, as it was recorded. */
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
 * Publishes them. Resolves when the broker has all of them; whoever calls it again after a failure repeats some, which does no
 * harm.
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
