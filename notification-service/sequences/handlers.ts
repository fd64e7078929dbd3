// Begins and stops sequences, in the decision that hears the news.
import type { Message } from '@orders/shared/contracts'
import { type Draft, type Known, owned, type Ref } from '@orders/shared/messaging'
import { standingOf } from '../deliveries/domain.ts'
import { channelsOf, headingOf, type News } from '../domain.ts'
import { end, readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import { readerOf } from '../rules/context.ts'
import type { Terms } from '../rules/settings.ts'
import { tellings, toldOfOrders } from '../store.ts'
import { headingsOfSteps, type Sequence, stepsAfter } from './domain.ts'

interface Following extends Terms {
  sequences: readonly Sequence[]
}

const withSteps = ({ sequences }: Following) => sequences.filter(({ steps }) => steps.length > 0)

/** What is known of the order is owned: its start and its end decide about each other. */
export function readsOfFollowing({ type, orderId, told }: News, terms: Following, at: string, known: Known): Ref[] {
  const begun = withSteps(terms).filter(({ startedBy }) => startedBy === type)
  const stopped = withSteps(terms).filter(({ stoppedBy }) => stoppedBy.includes(type))
  if (begun.length + stopped.length === 0) return []
  return [
    owned(toldOfOrders, orderId),
    ...begun.flatMap((sequence) =>
      headingsOfSteps(sequence, orderId, told, terms.style, at).flatMap((step) => readsOfTakingIn(step, terms, known)),
    ),
    ...stopped.flatMap((sequence) =>
      stepsIn(known.get(toldOfOrders, orderId), orderId, sequence).map((id) => owned(tellings, id)),
    ),
  ]
}

/** Safe twice and in any order: an end that was heard first leaves nothing to begin. */
export function followNews(draft: Draft, news: News, terms: Following, at: string): Message[] {
  const { type, orderId, told } = news
  const reader = readerOf(draft, headingOf(news, terms.style, at))
  return withSteps(terms).flatMap((sequence) => {
    const begins = sequence.startedBy === type
    const stops = sequence.stoppedBy.includes(type)
    if (!begins && !stops) return []
    const known = draft.get(toldOfOrders, orderId) ?? []
    const steps =
      begins && !wasHeard(known, orderId, sequence.stoppedBy)
        ? stepsAfter(sequence, orderId, told, terms.style, at, reader)
        : []
    draft.set(toldOfOrders, orderId, [...known, `${orderId}.${type}`, ...steps.map(({ id }) => id)])
    return [
      ...steps.flatMap((step) => takeIn(draft, step, at, terms)),
      ...(stops ? stepsIn(known, orderId, sequence).flatMap((id) => stop(draft, id, at)) : []),
    ]
  })
}

/** Those that are still to be said. */
function stop(draft: Draft, id: string, at: string): Message[] {
  const telling = draft.get(tellings, id)
  if (!telling) return []
  const open = channelsOf(telling.notification).filter((channel) => {
    const { status } = standingOf(telling, channel)
    return status === 'held' || (status === 'waiting' && telling.standings[channel] !== undefined)
  })
  return open.flatMap((channel) => end(draft, id, channel, 'cancelled', at))
}

/** Whether one of these events of the order was heard: each has left its notification. */
function wasHeard(ids: readonly string[], orderId: string, types: readonly string[]): boolean {
  return types.some((type) => ids.includes(`${orderId}.${type}`))
}

function stepsIn(ids: readonly string[] = [], orderId: string, { name }: Sequence): string[] {
  return ids.filter((id) => id.startsWith(`${orderId}.${name}.`))
}
