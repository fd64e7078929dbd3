// Who hears what is said once, by the handlers of a queue; its bindings follow from that.

import type { Registry } from './contract.ts'
import type { ConsumerOptions } from './kernel.ts'

/** By queue, the routing patterns that it is bound with: the types its handlers are made for, unless it says patterns. */
export function heardBy(
  { contracts }: Registry,
  consumers: readonly Pick<ConsumerOptions, 'queue' | 'handlers' | 'patterns'>[],
): Record<string, string[]> {
  const published = (type: string) => (contracts.get(type)?.exchange ?? '') !== ''
  const heard = consumers.map(({ queue, handlers, patterns }): [string, string[]] => [
    queue,
    patterns ? [...patterns] : handlers.map(({ type }) => type).filter(published),
  ])
  return Object.fromEntries(heard.filter(([, patternsOf]) => patternsOf.length > 0))
}
