// Starts sequences in the decision that handles the news. Later news ends their steps like any other notification.
import type { Message } from '@orders/shared/contracts'
import type { Draft, Known, Ref } from '@orders/shared/messaging'
import type { Reader } from '../content.ts'
import type { Heading } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import type { Terms } from '../rules/settings.ts'
import { untrueSince } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { headingsOfSteps, type Sequence, stepsAfter } from './sequences.ts'
import type { NewsStyle, Told } from './words.ts'

export interface Following extends Terms {
  style: NewsStyle
  sequences: readonly Sequence[]
}

const begunBy = ({ eventType }: Heading, { sequences }: Following) =>
  sequences.filter(({ startedBy, steps }) => startedBy === eventType && steps.length > 0)

export function readsOfFollowing(news: Heading, terms: Following, known: Known): Ref[] {
  return begunBy(news, terms).flatMap((sequence) =>
    headingsOfSteps(sequence, news).flatMap((step) => readsOfTakingIn(step, terms, known)),
  )
}

/**
 * Idempotent, and independent of the events' order: if news that makes a step obsolete came first, the step is not
 * created.
 */
export function followNews(draft: Draft, news: Heading, told: Told, reader: Reader, terms: Following): Message[] {
  const timeline = draft.get(timelines, news.subject) ?? []
  return begunBy(news, terms)
    .flatMap((sequence) => stepsAfter(sequence, news, told, terms.style, reader))
    .filter(({ eventType }) => untrueSince(terms.course, timeline, eventType) === undefined)
    .flatMap((step) => takeIn(draft, step, news.createdAt, terms))
}
