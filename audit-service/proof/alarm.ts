// The known faults of the log. Each kind is logged once, and a metric shows it until the service starts again.
import type { Log, OwnGauges } from '@orders/shared/runtime'
import type { Fault } from '../domain.ts'

export interface Alarm {
  raise(fault: Fault): void
  /** The first fault that was raised. */
  fault(): Fault | undefined
  gauge: OwnGauges
}

const WHYS: readonly Fault['why'][] = ['changed', 'missing', 'forked', 'unsigned']

export function createAlarm(log: Log): Alarm {
  const raised = new Map<Fault['why'], Fault>()
  return {
    raise(fault) {
      if (raised.has(fault.why)) return
      raised.set(fault.why, fault)
      log.error({ brokenAt: fault.brokenAt, why: fault.why }, 'the audit log is broken')
    },
    fault: () => raised.values().next().value,
    gauge: {
      label: 'why',
      gauges: [{ name: 'audit_log_broken', help: '1 after a check found the audit log changed.' }],
      read: async () => WHYS.map((why) => ({ label: why, values: [raised.has(why) ? 1 : 0] })),
    },
  }
}
