// Sees every message that a provider accepts, besides what the kernel's witness sees, and objects at once to what can never be right.
import {
  type Check,
  type Witness as Common,
  createWitness as createCommon,
  type Process,
  type Violation,
} from '@orders/shared/testing'

export interface Witness extends Common {
  /** No provider is asked again once its answer is recorded, nor before without need. */
  toldOnce(): Check
  accepted(by: Process, message: { notificationId: string; channel: string; isRecorded(): boolean }): void
}

const TOLD_ONCE = 'no provider is asked twice without need'

export function createWitness(): Witness {
  const common = createCommon()
  const toldAgain: Violation[] = []
  const acceptances = new Map<string, { by: Process; troubles: number }>()
  /** How often something went wrong with a process. */
  const troubles = new Map<Process, number>()

  return {
    ...common,
    toldOnce: () => ({ name: TOLD_ONCE, looked: acceptances.size, violations: toldAgain }),
    failed(by, subject, code) {
      common.failed(by, subject, code)
      // The provider's own failure came before it accepted anything.
      if (code !== 'unavailable') troubles.set(by, (troubles.get(by) ?? 0) + 1)
    },
    accepted(by, { notificationId, channel, isRecorded }) {
      const key = `${notificationId} notification.${channel}.queue`
      const last = acceptances.get(key)
      acceptances.set(key, { by, troubles: troubles.get(by) ?? 0 })
      if (!last) return
      const complain = (what: string) =>
        toldAgain.push({ check: TOLD_ONCE, subject: notificationId, what: `${key} ${what}` })
      const hadTrouble = (troubles.get(last.by) ?? 0) > last.troubles
      if (isRecorded()) complain('was sent again although it was recorded as sent')
      else if (last.by.isAlive() && !hadTrouble) complain('was sent twice and nothing had gone wrong')
    },
  }
}
