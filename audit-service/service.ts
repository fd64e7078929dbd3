// Wires audit-service: it keeps every event once, and tells any order's story.
import { events, orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { AuditConfig } from './config.ts'
import { dictionaryOf } from './dictionary.ts'
import { moveEarlier } from './earlier/store.ts'
import { decodeAny, handlers } from './handlers.ts'
import { routes } from './http.ts'
import { dictionaryWith, statesWith } from './store.ts'

export const auditService: ServiceDefinition<typeof AuditConfig> = {
  name: 'audit-service',
  domain: orders,
  summary: 'Keeps every event once in a log that can be checked, and tells the story of any order.',
  folder: import.meta.dirname,
  niceness: 10,
  config: AuditConfig,
  async wire(wiring) {
    const { database, log } = wiring
    const dictionary = await dictionaryWith(database, dictionaryOf(events.values()))
    const states = statesWith(dictionary)
    const moved = await moveEarlier(database, states)
    if (moved > 0) log.info({ moved }, 'the log of an earlier version is in blocks now')
    return {
      consumers: [
        { queue: 'audit.queue', prefetch: 512, handlers: handlers(states), decode: decodeAny, logLevel: 'debug' },
      ],
      routes: (app) => routes(app, wiring),
    }
  },
}
