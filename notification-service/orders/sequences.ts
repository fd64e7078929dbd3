// Series of messages about an order, as data: what starts a series, and when each step is sent. Each step is a
// notification of its own, held until its time. The course of the order says which news makes it obsolete.
import type { Reader } from '../content.ts'
import type { Heading } from '../domain.ts'
import type { NewsType, OrderTemplate } from '../templates/schemas.ts'
import { type NewsStyle, newsWords, type Told } from './words.ts'

export interface Step {
  afterMs: number
  template: OrderTemplate
}

export interface Sequence {
  /** Also the category of its messages, from which a customer may opt out. */
  name: string
  startedBy: NewsType
  steps: readonly Step[]
}

export interface Delays {
  remindersAfterMs: string
  followUpsAfterMs?: string
}

export function sequencesOf({ remindersAfterMs, followUpsAfterMs = '' }: Delays): Sequence[] {
  const steps = (delays: string, template: OrderTemplate) =>
    delays.split(',').flatMap((ms) => (Number(ms) > 0 ? [{ afterMs: Number(ms), template }] : []))
  return [
    {
      name: 'reminder',
      startedBy: 'payment.confirmation_required',
      steps: steps(remindersAfterMs, 'reminder'),
    },
    {
      name: 'follow_up',
      startedBy: 'order.completed',
      steps: steps(followUpsAfterMs, 'follow_up'),
    },
  ]
}

/** The headings of all steps. `stepsAfter` decides which of them are still sent. */
export function headingsOfSteps({ name, steps }: Sequence, news: Heading): Heading[] {
  return steps.map((_, index) => headingOfStep(news, name, index))
}

/**
 * The steps that follow this news. Their ids consist of sequence and number, so repeated news starts no second series.
 * A step that would be due at or after the customer's deadline is left out.
 */
export function stepsAfter(
  { name, steps }: Sequence,
  news: Heading,
  told: Told,
  style: NewsStyle,
  reader: Reader = {},
) {
  const { subject: orderId, createdAt: at } = news
  const deadlineMs = Date.parse(told.confirmBefore ?? '')
  // The schema allows dates that do not exist. Such a date is no deadline.
  const expiresAt = Number.isNaN(deadlineMs) ? null : new Date(deadlineMs).toISOString()
  return steps
    .map(({ afterMs, template }, index) => ({
      ...headingOfStep(news, name, index),
      words: newsWords(template, orderId, told, style, reader),
      sendAt: new Date(Date.parse(at) + afterMs).toISOString(),
      expiresAt,
    }))
    .filter(({ sendAt }) => expiresAt === null || sendAt < expiresAt)
}

function headingOfStep(news: Heading, name: string, index: number): Heading {
  const eventType = `${name}.${index + 1}`
  return { ...news, id: `${news.subject}.${eventType}`, eventType, category: name }
}
