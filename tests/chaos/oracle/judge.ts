// The oracle: all its checks over one snapshot. It knows nothing of the services but what they promise, imports nothing
// of theirs, and reads only what is kept.
import type { Check, Finding } from './check.ts'
import { charged, neverNegative, soldIsDelivered, stockAddsUp } from './goods-and-money.ts'
import { deadLettersExplained, memoryBounded, nothingWaits, onlyKilledWhenTold, thrownAreKept } from './leftovers.ts'
import { toldAtLeastOnce, toldInOrder, toldOnce } from './notifications.ts'
import { answers, ended, rightlyBlamed, taken } from './orders.ts'
import { neverEarly, othersGoOn, topologyStands } from './queues.ts'
import { rehearsalsAreRight } from './rehearsals.ts'
import type { Snapshot } from './snapshot.ts'
import { eventsAreHeard, eventsHaveFacts, eventsOnce, factsHaveEvents } from './story.ts'

export const checks = {
  answers,
  taken,
  ended,
  rightlyBlamed,
  stockAddsUp,
  soldIsDelivered,
  neverNegative,
  charged,
  eventsOnce,
  factsHaveEvents,
  eventsHaveFacts,
  eventsAreHeard,
  toldAtLeastOnce,
  toldOnce,
  toldInOrder,
  neverEarly,
  nothingWaits,
  topologyStands,
  othersGoOn,
  deadLettersExplained,
  thrownAreKept,
  rehearsalsAreRight,
  onlyKilledWhenTold,
  memoryBounded,
} satisfies Record<string, Check>
export type CheckName = keyof typeof checks

export interface Judged extends Finding {
  name: CheckName
  passed: boolean
}

/** A check that looked at nothing has not passed: nothing was at stake. */
export function judge(snapshot: Snapshot): Judged[] {
  return (Object.keys(checks) as CheckName[]).map((name) => {
    const finding = checks[name](snapshot)
    const violations = finding.checked === 0 ? ['nothing was at stake', ...finding.violations] : finding.violations
    return { name, ...finding, violations, passed: violations.length === 0 }
  })
}
