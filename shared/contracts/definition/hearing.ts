// Derives bindings and readable versions from the handlers of a queue, so that they are stated only once.
import type { Registry } from './registry.ts'

interface Hearing {
  queue: string
  handlers: readonly { type: string }[]
  /** The patterns of its bindings, if they are not the types of its handlers. */
  patterns?: readonly string[]
}

/** By queue, the routing patterns of its bindings: its `patterns`, or the event types of its handlers. */
export function heardBy({ contracts }: Registry, consumers: readonly Hearing[]): Record<string, string[]> {
  const published = (type: string) => (contracts.get(type)?.exchange ?? '') !== ''
  const heard = consumers.map(({ queue, handlers, patterns }): [string, string[]] => [
    queue,
    patterns ? [...patterns] : handlers.map(({ type }) => type).filter(published),
  ])
  return Object.fromEntries(heard.filter(([, patternsOf]) => patternsOf.length > 0))
}

/** The dataschemas that these consumers can read. */
export function knownTo({ contracts }: Registry, consumers: readonly Pick<Hearing, 'handlers'>[]): string[] {
  return consumers.flatMap(({ handlers }) =>
    handlers.flatMap(({ type }) => [...(contracts.get(type)?.readers.keys() ?? [])]),
  )
}
