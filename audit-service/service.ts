// Wires audit-service: it keeps every event once, and tells any order's story.
import type { ServiceDefinition } from '@orders/shared/runtime'
import { AuditConfig } from './config.ts'
import { decodeAny, handlers } from './handlers.ts'
import { routes } from './http.ts'
import { HEAD_KEY } from './store.ts'

export const auditService: ServiceDefinition<typeof AuditConfig> = {
  name: 'audit-service',
  place: 5,
  summary: 'Keeps every event once in a log that can be checked, and tells the story of any order.',
  folder: import.meta.dirname,
  config: AuditConfig,
  wire: (wiring) => ({
    consumers: [
      { queue: 'audit.queue', prefetch: 512, handlers, keys: [HEAD_KEY], decode: decodeAny, logLevel: 'debug' },
    ],
    routes: (app) => routes(app, wiring),
  }),
}
