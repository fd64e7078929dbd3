// Series of messages about an order, as data: what begins one, what is said how long afterwards, and what makes the rest
// needless. Each step is a notification of its own, held until its time.
import { newsWords, type Reader, type Told } from '../content.ts'
import { type Heading, headingOf, type NewsStyle } from '../domain.ts'
import type { NewsType, OrderTemplate } from '../templates/schemas.ts'

export interface Step {
  afterMs: number
  template: OrderTemplate
}

export interface Sequence {
  /** Also the category of its messages, which a customer may not want. */
  name: string
  startedBy: NewsType
  /** Heard before or after the start: what is not sent yet never will be. */
  stoppedBy: readonly NewsType[]
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
      stoppedBy: ['order.paid', 'order.cancelled'],
      steps: steps(remindersAfterMs, 'reminder'),
    },
    {
      name: 'follow_up',
      startedBy: 'order.completed',
      stoppedBy: [],
      steps: steps(followUpsAfterMs, 'follow_up'),
    },
  ]
}

/** What each step is about and for whom. Which of them are still to be said, `stepsAfter` decides by the time. */
export function headingsOfSteps(
  sequence: Sequence,
  orderId: string,
  told: Told,
  style: NewsStyle,
  at: string,
): Heading[] {
  const news = headingOf({ type: sequence.startedBy, orderId, told }, style, at)
  return sequence.steps.map((_, index) => headingOfStep(news, sequence, index))
}

/**
 * The steps that follow news, known by sequence and number, so that the same news twice is one series. What the customer
 * can act on until a deadline is not said after it.
 */
export function stepsAfter(
  sequence: Sequence,
  orderId: string,
  told: Told,
  style: NewsStyle,
  at: string,
  reader: Reader = {},
) {
  const news = headingOf({ type: sequence.startedBy, orderId, told }, style, at)
  const deadlineMs = Date.parse(told.confirmBefore ?? '')
  // What is no date, though it is written like one, is no deadline.
  const expiresAt = Number.isNaN(deadlineMs) ? null : new Date(deadlineMs).toISOString()
  const steps = sequence.steps.map(({ afterMs, template }, index) => ({
    ...headingOfStep(news, sequence, index),
    words: newsWords(template, orderId, told, style, reader),
    sendAt: new Date(Date.parse(at) + afterMs).toISOString(),
    expiresAt,
  }))
  return steps.filter(({ sendAt }) => expiresAt === null || sendAt < expiresAt)
}

function headingOfStep(news: Heading, { name }: Sequence, index: number): Heading {
  const eventType = `${name}.${index + 1}`
  return { ...news, id: `${news.subject}.${eventType}`, eventType, category: name }
}
