// Stores the reports of the services' copies. Any other message in the queue is dropped.
import { type Keeping, owned, ServiceState, type Work } from '@orders/shared/messaging'
import { inText } from '@orders/shared/storage'
import { Compile } from 'typebox/compile'
import { copies } from './store.ts'

const QUEUE = 'audit.copies.queue'
/** Reports that wait together are stored in one group commit. */
const PREFETCH = 64
/** Ten times the report of a copy that has faults and retries of every type. */
const REPORT_MAX_BYTES = 65_536
const COPY_NAME_MAX = 300

const reports = Compile(ServiceState)
const nothing: Work<undefined> = { reads: () => [], decide: () => ({ result: undefined, messages: [] }) }

export function keepingReports(services: readonly string[]): Keeping {
  return {
    queues: [QUEUE],
    prefetch: PREFETCH,
    work(_, { body }, now) {
      const state = reportIn(body)
      if (!state || !services.includes(state.service) || state.copy.length > COPY_NAME_MAX) return nothing
      return {
        reads: () => [owned(copies, state.copy)],
        decide(draft) {
          draft.set(copies, state.copy, { copy: state.copy, service: state.service, seenAt: now, state })
          return { result: undefined, messages: [] }
        },
      }
    },
  }
}

function reportIn(body: Buffer): ServiceState | undefined {
  if (body.length > REPORT_MAX_BYTES) return undefined
  try {
    const report: unknown = JSON.parse(inText(body.toString('utf8')))
    return reports.Check(report) ? report : undefined
  } catch {
    // Not JSON, so it is no report.
    return undefined
  }
}
