// Series of messages about an order, as data: what begins one, what is said how long afterwards, and what makes the rest
// needless. Each step is a notification of its own, held until its time.
import type { Style, Told } from '../content.ts'
import { newsWords } from '../content.ts'
import { type NewsStyle, type Notification, notificationOf } from '../domain.ts'
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

/**
 * The steps that follow news, known by sequence and number, so that the same news twice is one series. What the customer
 * can act on until a deadline is not said after it.
 */
export function stepsAfter(sequence: Sequence, orderId: string, told: Told, style: NewsStyle, at: string) {
  const news = notificationOf({ type: sequence.startedBy, orderId, told }, style, at)
  const deadlineMs = Date.parse(told.confirmBefore ?? '')
  // What is no date, though it is written like one, is no deadline.
  const expiresAt = Number.isNaN(deadlineMs) ? null : new Date(deadlineMs).toISOString()
  const steps = sequence.steps.map((step, index) => stepOf(news, { sequence, step, number: index + 1 }, told, style))
  return steps.map((step) => ({ ...step, expiresAt })).filter(({ sendAt }) => expiresAt === null || sendAt < expiresAt)
}

interface Place {
  sequence: Sequence
  step: Step
  number: number
}

function stepOf(news: Notification, { sequence, step, number }: Place, told: Told, style: Style) {
  const eventType = `${sequence.name}.${number}`
  return {
    ...news,
    id: `${news.subject}.${eventType}`,
    eventType,
    category: sequence.name,
    words: newsWords(step.template, news.subject, told, style),
    sendAt: new Date(Date.parse(news.createdAt) + step.afterMs).toISOString(),
  }
}
