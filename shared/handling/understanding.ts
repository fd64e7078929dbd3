// What a delivery's bytes say, and who handles that.
import type { Received } from '../contracts/definition/contract.ts'
import { decode, UnknownContractError } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import type { Handler } from './handler.ts'
import type { ConsumerOptions, Kernel } from './kernel.ts'

/** Of one consumer. What either throws is the message's own fault. */
export function createUnderstanding(
  { registry, open }: Pick<Kernel, 'registry' | 'open'>,
  { queue, handlers: all, decode: own }: Pick<ConsumerOptions, 'queue' | 'handlers' | 'decode'>,
) {
  const handlers = new Map(all.map((handler) => [handler.type, handler]))
  return {
    eventOf: async (delivery: Arrived): Promise<Received> => (own ?? open ?? ((it) => decode(registry, it)))(delivery),
    /** @throws UnknownContractError `unexpected_type` */
    handlerOf({ type, source }: Received): Handler {
      const handler = handlers.get(type) ?? handlers.get('*')
      if (handler) return handler
      const dataschema = registry.contracts.get(type)?.dataschema
      throw new UnknownContractError('unexpected_type', `${queue} has no handler for ${type}`, { source, dataschema })
    },
  }
}
