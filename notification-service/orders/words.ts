// Builds the words of news about an order from the data of its event, in the shape that the template expects.
import type { Customer, PriceChange, PricedLine } from '@orders/shared/contracts'
import { completed, type Reader, type Style, type Words, wordsOf } from '../content.ts'
import { type OrderTemplate, orderTemplates, reasons } from '../templates/schemas.ts'

/** What the consumed events say about their order. Each event has some of these fields. */
export interface Told extends Customer {
  lines?: PricedLine[]
  totalCents?: number
  /** Currency of all amounts. If missing, the service's own. */
  currency?: string
  trackingId?: string
  carrier?: string
  trackingUrl?: string
  reason?: string
  /** The lines that are out of stock. */
  missing?: { sku: string; name?: string; quantity: number; available: number }[]
  /** The difference between the price that the customer saw and the current one, for which the order was refused. */
  priceChange?: PriceChange
  confirmBefore?: string
}

export interface NewsStyle extends Style {
  /** The shop's page about an order, with `{orderId}` in it. */
  orderUrl?: string
  /** The page on which the payment is confirmed. If missing, `orderUrl`. */
  paymentUrl?: string
  /** Domain of the addresses that are made up for customers without one. If missing, none are made up. */
  defaultEmailDomain?: string | undefined
}

export function newsWords(
  type: OrderTemplate,
  orderId: string,
  told: Told,
  style: NewsStyle,
  { locale, timeZone }: Reader = {},
): Words {
  const { orderUrl, paymentUrl = orderUrl } = style
  const { currency = style.currency, contact, lines = [], shippingAddress = '', reason = '' } = told
  const linkTo = (url: string | undefined) => url?.replace('{orderId}', () => encodeURIComponent(orderId))
  const known = {
    ...told,
    orderId: unlinkedId(orderId),
    orderUrl: linkTo(orderUrl),
    paymentUrl: linkTo(paymentUrl),
    trackingUrl: webLink(told.trackingUrl),
    lines: lines.map((line) => ({ ...line, totalCents: line.quantity * line.unitPriceCents })),
    address: unlinked(shippingAddress)
      .split(/\r\n?|\n/)
      .filter((line) => line.trim() !== ''),
    reason: reasons.find((one) => one === reason) ?? 'other',
    // Operators write sentences. A reason without a space is a code for programs, so it is not shown.
    note: /\s/.test(reason.trim()) ? reason.trim() : undefined,
  }
  const reader = { locale: contact?.locale ?? locale, timeZone }
  return wordsOf(type, completed(orderTemplates[type].data, known), reader, { ...style, currency })
}

/**
 * Inserts word joiners, which are invisible. A client chooses the order id, and mail programs turn anything like a host
 * name into a link.
 */
const unlinkedId = (orderId: string) => orderId.replaceAll(/\.(?=[A-Za-z])/g, '.\u2060')

/** `17.Juni` becomes `17. Juni`, so that mail programs make no link from a typed address. */
const unlinked = (address: string) => address.replaceAll(/\.(?=\p{L})/gu, '. ')

/** A mail links to web pages only. A carrier's event could contain any other scheme. */
function webLink(url: string | undefined): string | undefined {
  return url !== undefined && /^https?:\/\/\S+$/.test(url) ? url : undefined
}
