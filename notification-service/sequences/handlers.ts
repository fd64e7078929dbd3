// Begins and stops sequences, in the transaction that hears the news.
import type { Message } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { News } from '../domain.ts'
import { end, takeIn } from '../holding/handlers.ts'
import type { Terms } from '../rules/settings.ts'
import { type Sequence, stepsAfter } from './domain.ts'
import { openStepsOf, wasHeard } from './store.ts'

/** Safe twice and in any order: an end that was heard first leaves nothing to begin. */
export async function followNews(
  tx: Sql,
  { type, orderId, told }: News,
  { sequences, ...terms }: Terms & { sequences: readonly Sequence[] },
  at: string,
): Promise<Message[]> {
  const messages: Message[] = []
  for (const sequence of sequences) {
    if (sequence.steps.length === 0) continue
    if (sequence.startedBy === type && !(await wasHeard(tx, orderId, sequence.stoppedBy)))
      for (const step of stepsAfter(sequence, orderId, told, terms.style, at))
        messages.push(...(await takeIn(tx, step, at, terms)))
    if (sequence.stoppedBy.includes(type))
      for (const { notificationId, channel } of await openStepsOf(tx, orderId, sequence.name))
        messages.push(...(await end(tx, notificationId, channel, 'cancelled', at)))
  }
  return messages
}
