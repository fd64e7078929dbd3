// The mails of one plain order, ready as bare nodemailer takes them: the same words as notification-service finds for each.
import { newsWords } from '../notification-service/orders/words.ts'
import { checkedTemplates } from '../notification-service/service.ts'

export interface ReadyMail {
  from: string
  to: string
  subject: string
  text: string
  html: string
}

export type Step = 'order.created' | 'order.paid' | 'order.shipped' | 'order.completed'

const told = {
  user: 'bench',
  priority: 'standard' as const,
  lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }],
  totalCents: 1_000,
  trackingId: 'TRACK-0123456789',
}

export function readyMails(): Record<Step, ReadyMail> {
  const set = checkedTemplates()
  const style = { version: set.version, currency: 'EUR', timeZone: 'UTC' }
  const mailOf = (step: Step): ReadyMail => {
    const { subject, text, html } = set.render(newsWords(step, 'mailed', told, style))
    return { from: 'Orders <orders@example.com>', to: 'bench@example.com', subject, text, html }
  }
  return {
    'order.created': mailOf('order.created'),
    'order.paid': mailOf('order.paid'),
    'order.shipped': mailOf('order.shipped'),
    'order.completed': mailOf('order.completed'),
  }
}
