// What is said about an order: what its event knows of it, as the template of its news wants it.
import type { Customer, PriceChange, PricedLine } from '@orders/shared/contracts'
import { completed, type Reader, type Style, type Words, wordsOf } from '../content.ts'
import { type OrderTemplate, orderTemplates, reasons } from '../templates/schemas.ts'

/** What the heard events know of their order; each knows a part of it. */
export interface Told extends Customer {
  lines?: PricedLine[]
  totalCents?: number
  /** Of the amounts; missing, the service's own. */
  currency?: string
  trackingId?: string
  carrier?: string
  trackingUrl?: string
  reason?: string
  /** What is out of stock. */
  missing?: { sku: string; name?: string; quantity: number; available: number }[]
  /** Why the order was not taken at the price that its customer had seen. */
  priceChange?: PriceChange
  confirmBefore?: string
}

export interface NewsStyle extends Style {
  /** A page of the shop about an order, with `{orderId}` in it. */
  orderUrl?: string
  /** Where its payment is confirmed; missing, `orderUrl`. */
  paymentUrl?: string
  /** Of the address that is made for who has none; missing, they cannot be told. */
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
    // An operator writes why; a code is for programs.
    note: /\s/.test(reason.trim()) ? reason.trim() : undefined,
  }
  const reader = { locale: contact?.locale ?? locale, timeZone }
  return wordsOf(type, completed(orderTemplates[type].data, known), reader, { ...style, currency })
}

/** Looks the same, and is no host: a client may choose the id, and a mail program makes a link of whatever could be one. */
const unlinkedId = (orderId: string) => orderId.replaceAll(/\.(?=[A-Za-z])/g, '.\u2060')

/** `17.Juni` is `17. Juni`: so mail programs make no link to a page of anybody's of what was typed as an address. */
const unlinked = (address: string) => address.replaceAll(/\.(?=\p{L})/gu, '. ')

/** A mail links to web pages only, whatever a carrier says. */
function webLink(url: string | undefined): string | undefined {
  return url !== undefined && /^https?:\/\/\S+$/.test(url) ? url : undefined
}
