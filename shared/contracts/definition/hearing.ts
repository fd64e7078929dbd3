// Who hears what is said once, by the handlers of a queue: its bindings follow from that, and what can be read of it.
import type { Registry } from './registry.ts'

interface Hearing {
  queue: string
  handlers: readonly { type: string }[]
  /** Of its bindings, where they are not the types of its handlers. */
  patterns?: readonly string[]
}

/** By queue, the routing patterns that it is bound with: the types its handlers are made for, unless it says patterns. */
export function heardBy({ contracts }: Registry, consumers: readonly Hearing[]): Record<string, string[]> {
  const published = (type: string) => (contracts.get(type)?.exchange ?? '') !== ''
  const heard = consumers.map(({ queue, handlers, patterns }): [string, string[]] => [
    queue,
    patterns ? [...patterns] : handlers.map(({ type }) => type).filter(published),
  ])
  return Object.fromEntries(heard.filter(([, patternsOf]) => patternsOf.length > 0))
}

/** The dataschemas of all that these consumers can read. */
export function knownTo({ contracts }: Registry, consumers: readonly Pick<Hearing, 'handlers'>[]): string[] {
  return consumers.flatMap(({ handlers }) =>
    handlers.flatMap(({ type }) => [...(contracts.get(type)?.readers.keys() ?? [])]),
  )
}
