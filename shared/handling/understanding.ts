// Decodes a delivery and finds its handler.
import type { Received } from '../contracts/definition/contract.ts'
import { decode, UnknownContractError } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { PermanentError } from '../runtime/errors.ts'
import type { Handler } from './handler.ts'
import type { ConsumerOptions, Kernel } from './kernel.ts'

const DAY_MS = 86_400_000

/** Functions for one consumer. Each error that they throw is the message's own fault. */
export function createUnderstanding(
  {
    registry,
    open,
    now,
    oldestDays = Number.POSITIVE_INFINITY,
  }: Pick<Kernel, 'registry' | 'open' | 'now' | 'oldestDays'>,
  { queue, handlers: all, decode: own }: Pick<ConsumerOptions, 'queue' | 'handlers' | 'decode'>,
) {
  const handlers = new Map(all.map((handler) => [handler.type, handler]))
  return {
    eventOf: async (delivery: Arrived): Promise<Received> => (own ?? open ?? ((it) => decode(registry, it)))(delivery),
    demandYoung({ time }: Received): void {
      if (now().getTime() - Date.parse(time) > oldestDays * DAY_MS)
        throw new PermanentError(
          'too_old',
          `the message is from ${time}: its data may have been removed already (KEEP_DAYS)`,
        )
    },
    /** @throws UnknownContractError `unexpected_type` */
    handlerOf({ type, source }: Received): Handler {
      const handler = handlers.get(type) ?? handlers.get('*')
      if (handler) return handler
      const dataschema = registry.contracts.get(type)?.dataschema
      throw new UnknownContractError('unexpected_type', `${queue} has no handler for ${type}`, { source, dataschema })
    },
  }
}
