// What the audit tells of an order, once nothing is missing from it any more.
import { eventually } from '@orders/shared/testing'
import type { System } from './system.ts'

export interface Story {
  ended: string | null
  entries: { id: string; type: string }[]
  gaps: { status: string }[]
}

/** What a killed process has recorded, another one publishes a minute later; what it was about to tell a customer, half a minute later. */
export const CLAIMS_END_WITHIN_MS = 120_000

/** Waits until the story has an end and no gaps but of so many messages that failed. */
export function wholeStory(system: System, orderId: string, failed = 0): Promise<Story> {
  let told: Partial<Story> | undefined
  return eventually(
    () =>
      `the story of ${orderId} has no gaps, but ${JSON.stringify(told?.gaps)} beside ${told?.entries?.map(({ id }) => id).join(', ')}`,
    async () => {
      told = await system.get<Partial<Story>>(`/audit/orders/${orderId}`, 'audit')
      return isWhole(told, failed) && told
    },
    CLAIMS_END_WITHIN_MS,
  )
}

/** Of an order that the audit has not heard of yet it tells a problem, which has no end, no entries and no gaps. */
function isWhole(told: Partial<Story>, failed: number): told is Story {
  const { ended, gaps = [] } = told
  return typeof ended === 'string' && gaps.length === failed && gaps.every(({ status }) => status === 'failed')
}

/** How often each type of event is part of the story, of which there may be none yet. */
export function typesOf({ entries = [] }: Partial<Story>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of entries) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** The Message-IDs of the mails that were asked for and that no later news has made needless. */
export function mailsOf({ entries }: Story): string[] {
  const about = (type: string) =>
    entries.filter((entry) => entry.type === type).map(({ id }) => id.replace(`/${type}/`, '.'))
  const needless = about('notification.superseded')
  return about('notification.requested')
    .filter((id) => !needless.includes(`${id}.email`))
    .map((id) => `<${id}.email@orders.example>`)
}
