// Assembles audit-service: it stores every event once, tells the story of any order, and keeps failed messages for an operator.
import { join } from 'node:path'
import { events, orders, topology } from '@orders/shared/contracts'
import { daysOf, type OwnGauges, type ServiceDefinition } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { startArchiver } from './archive/archiver.ts'
import { heldInArchives } from './archive/held.ts'
import { watchLog } from './checking/watch.ts'
import { AuditConfig } from './config.ts'
import { dictionaryOf } from './dictionary.ts'
import { moveEarlier } from './earlier/store.ts'
import { forgetterOf } from './failed/forget.ts'
import { failureQueues, keeping } from './failed/handlers.ts'
import { failedRoutes } from './failed/http.ts'
import { rehearsalRoutes } from './failed/rehearsing/http.ts'
import { resendRoutes } from './failed/resending/http.ts'
import { startResending } from './failed/resending/run.ts'
import { countByQueue } from './failed/store.ts'
import { decodeAny, handlers } from './handlers.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { lookRoutes } from './looks/http.ts'
import { operationRoutes } from './operations/http.ts'
import { keepingReports } from './operations/reports.ts'
import { operatorsByToken } from './operator.ts'
import { followLog } from './overdue/follow.ts'
import { overdueRoutes } from './overdue/http.ts'
import { gapGauges } from './overdue/store.ts'
import { createAlarm } from './proof/alarm.ts'
import { signerOf } from './proof/note.ts'
import { outsideAt } from './proof/outside.ts'
import { signingKey } from './proof/signing-key.ts'
import { queueRoutes } from './queues/http.ts'
import { watchQueues } from './queues/watch.ts'
import { answerers } from './repair/answers.ts'
import { startSequencer } from './signing/sequencer.ts'
import { dictionaryWith, statesWith } from './store.ts'
import { tables } from './tables.ts'
import { traceRoutes } from './traces/http.ts'

/** The broker updates its rates every five seconds. */
const QUEUES_EVERY_MS = 10_000

export const auditService: ServiceDefinition<typeof AuditConfig> = {
  name: 'audit-service',
  domain: orders,
  summary:
    'Stores every event once in a log that you can verify, shows the story of any order, and keeps each failed message until an operator has dealt with it.',
  tags: {
    audit: 'Events, the stories of orders, and the proof that no event was changed.',
    failed: 'Failed messages, and the actions on them.',
    replays: 'Replays of failed messages, in steps.',
    actions: 'Actions of operators.',
    operations: 'The state of every service, and its messages that wait for a retry.',
    checkpoint: 'Signed checkpoints of the log.',
    v1: 'Spans of traces, by OTLP.',
  },
  folder: import.meta.dirname,
  holdings,
  niceness: 10,
  config: AuditConfig,
  tables,
  async wire(wiring) {
    const { broker, config, database, log, management, now, parts } = wiring
    const signer = signerOf(config.auditOrigin, signingKey(config.auditSigningKey, config.dataDir))
    const outside = outsideAt(config.auditCheckpoints, signer)
    const alarm = createAlarm(log)
    const dictionary = await dictionaryWith(database, dictionaryOf(events.values()))
    const states = statesWith(dictionary)
    const moved = await moveEarlier(database, states)
    if (moved > 0) log.info({ moved }, 'the log of an earlier version is in blocks now')
    const following = followLog({ database, log, now, gapAfterMs: config.auditGapAfterMs })
    parts.use('what orders wait for', following, (it) => it.close())
    const tree = { database, outside, alarm, log }
    const sequencer = startSequencer({ ...tree, signer, now, everyMs: config.auditCheckpointMs })
    parts.use('sequencer', sequencer, (it) => it.close())
    const watching = watchLog({ ...tree, verifier: signer, everyMs: config.auditCheckMs })
    parts.use('check of the log', watching, (it) => it.close())
    const days = daysOf(config.keepAuditDays)
    const folder = config.auditArchiveDir ?? join(config.dataDir, 'audit-archive')
    const keep = days === undefined ? undefined : { days, folder }
    const archiver = startArchiver({ database, verifier: signer, keep, log, now })
    parts.use('archiver', archiver, (it) => it.close())
    const resending = parts.use('resending', startResending({ database, broker, log, now }), (it) => it.close())
    const queues = watchQueues({
      ...{ management, queues: topology.queues, log, now },
      takerOf: ({ name, owner = '' }) => (failureQueues.has(name) ? 'audit-service' : owner),
      everyMs: QUEUES_EVERY_MS,
      ageMaxMs: config.auditBacklogAfterMs,
    })
    parts.use('look at the queues', queues, (it) => it.close())
    const missing = new Set<string>()
    return {
      keeping: [keeping(missing), keepingReports(orders.services)],
      consumers: [
        { queue: 'audit.queue', prefetch: 512, handlers: handlers(states), decode: decodeAny, logLevel: 'debug' },
      ],
      rpc: { queue: 'audit.rpc.queue', prefetch: 16, answerers },
      sweep: archiver.now,
      holdings: { archives: heldInArchives({ folder, verifier: signer }) },
      forget: forgetterOf(database),
      gauges: [failedGauge(database), gapGauges(database), alarm.gauge],
      routes(app) {
        operatorsByToken(app, wiring)
        routes(app, wiring, { signer, outside })
        overdueRoutes(app, wiring, { domain: orders, following, states })
        failedRoutes(app, wiring, { states, missing })
        rehearsalRoutes(app, wiring)
        lookRoutes(app, wiring, { states })
        resendRoutes(app, wiring, { states, resending })
        operationRoutes(app, wiring, { states, services: orders.services })
        queueRoutes(app, wiring, queues)
        traceRoutes(app, wiring)
      },
    }
  },
}

function failedGauge(database: Reader): OwnGauges {
  return {
    label: 'queue',
    gauges: [{ name: 'failed_messages', help: 'Dead letters that wait for an operator.' }],
    async read() {
      const counts = new Map((await countByQueue(database)).map(({ queue, count }) => [queue, Number(count)]))
      return [...failureQueues.keys()].map((label) => ({ label, values: [counts.get(label) ?? 0] }))
    },
  }
}
