// What the audit tells of an order, once nothing is missing from it any more.
import { eventually } from '@orders/shared/testing'
import type { System } from './system.ts'

export interface Story {
  ended: string | null
  entries: { id: string; type: string }[]
  gaps: object[]
}

/** What a killed process was about to tell a customer, another one tells half a minute later. */
export const CLAIMS_END_WITHIN_MS = 60_000

/** Waits until the story has an end and no gaps. */
export function wholeStory(system: System, orderId: string): Promise<Story> {
  return eventually(
    `the story of ${orderId} has no gaps`,
    async () => {
      const told = await system.get<Story>(`/audit/orders/${orderId}`, 'audit')
      return typeof told.ended === 'string' && told.gaps.length === 0 && told
    },
    CLAIMS_END_WITHIN_MS,
  )
}

/** How often each type of event is part of the story. */
export function typesOf({ entries }: Story): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of entries) counts[type] = (counts[type] ?? 0) + 1
  return counts
}
