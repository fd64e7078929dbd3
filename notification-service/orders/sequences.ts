// Series of messages about an order, as data: what begins one, and what is said how long afterwards. Each step is a notification of
// its own, held until its time; what makes it needless, the course of the order says.
import type { Reader } from '../content.ts'
import type { Heading } from '../domain.ts'
import type { NewsType, OrderTemplate } from '../templates/schemas.ts'
import { type NewsStyle, newsWords, type Told } from './words.ts'

export interface Step {
  afterMs: number
  template: OrderTemplate
}

export interface Sequence {
  /** Also the category of its messages, which a customer may not want. */
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

/** What each step is about and for whom. Which of them are still to be said, `stepsAfter` decides by the time. */
export function headingsOfSteps({ name, steps }: Sequence, news: Heading): Heading[] {
  return steps.map((_, index) => headingOfStep(news, name, index))
}

/**
 * The steps that follow news, known by sequence and number, so that the same news twice is one series. What the customer
 * can act on until a deadline is not said after it.
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
  // What is no date, though it is written like one, is no deadline.
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
