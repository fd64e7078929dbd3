// What each template may speak of, and a sample of it. A file that names anything else stops the service at start.
import { Cents, Instant, OrderId, Sku } from '@orders/shared/contracts'
import { type Static, type TObject, type TProperties, Type } from 'typebox'

export interface Declaration<Data extends TObject = TObject> {
  summary: string
  data: Data
  sample: Static<Data>
}

function template<P extends TProperties>(
  summary: string,
  properties: P,
  sample: Static<TObject<P>>,
): Declaration<TObject<P>> {
  return { summary, data: Type.Object(properties, { additionalProperties: false }), sample }
}

const Line = Type.Object(
  { sku: Sku, quantity: Type.Integer({ minimum: 1 }), totalCents: Type.Optional(Cents) },
  { additionalProperties: false },
)

/** Not every event knows everything: what is optional here may stand in a template only inside its own `{{#if}}`. */
const Order = {
  orderId: OrderId,
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'what the customer is called' })),
  orderUrl: Type.Optional(Type.String({ pattern: '^https?://\\S+$', maxLength: 2048 })),
  lines: Type.Array(Line),
  totalCents: Type.Optional(Cents),
}

const order = {
  orderId: '2026-1107',
  name: 'Gayal',
  orderUrl: 'https://shop.example/orders/2026-1107',
  lines: [
    { sku: 'espresso-cup', quantity: 4, totalCents: 3_960 },
    { sku: 'moka-pot-6', quantity: 1, totalCents: 3_490 },
  ],
  totalCents: 7_450,
}

export const reasons = [
  'out_of_stock',
  'declined',
  'gateway_unavailable',
  'cancelled_by_customer',
  'confirmation_timeout',
  'other',
] as const
const Reason = Type.Enum([...reasons])

/** An event's template has its type as name. */
export const newsTemplates = {
  'order.created': template('The order has reached us.', Order, order),
  'payment.confirmation_required': template(
    'The amount needs the customer’s word before the deadline.',
    { ...Order, confirmBefore: Instant },
    { ...order, lines: [], totalCents: 107_450, confirmBefore: '2026-11-21T18:30:00.000Z' },
  ),
  'order.paid': template('The order is paid.', Order, order),
  'order.shipped': template(
    'The parcel is on its way.',
    { ...Order, trackingId: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
    { ...order, trackingId: 'JD0146 0001 2345' },
  ),
  'order.completed': template('The parcel has arrived.', Order, order),
  'order.cancelled': template(
    'The order will not be delivered, and why.',
    { ...Order, reason: Reason },
    { ...order, reason: 'out_of_stock' },
  ),
}
export type NewsType = keyof typeof newsTemplates

/** All that is said about an order; what is no event is a step of a sequence. */
export const orderTemplates = {
  ...newsTemplates,
  reminder: template(
    'The amount still needs the customer’s word.',
    { ...Order, confirmBefore: Instant },
    { ...order, lines: [], totalCents: 107_450, confirmBefore: '2026-11-21T18:30:00.000Z' },
  ),
  follow_up: template('Some time after the delivery: is everything well?', Order, order),
}
export type OrderTemplate = keyof typeof orderTemplates

export const MESSAGE = 'message'

/** Several messages of one category, said as one. */
export const digestTemplate = template(
  'What has come together in a while, of one category.',
  {
    count: Type.Integer({ minimum: 1 }),
    first: Type.String({ description: 'title of the first' }),
    more: Type.Integer({ minimum: 0, description: 'how many there are beside the first' }),
    items: Type.Array(
      Type.Object(
        {
          title: Type.String(),
          text: Type.String({ description: 'in one line' }),
          at: Instant,
          url: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  {
    count: 3,
    first: 'Order 2026-1107 is paid',
    more: 2,
    items: [
      {
        title: 'Order 2026-1107 is paid',
        text: 'Your payment of €74.50 for order 2026-1107 has arrived.',
        at: '2026-11-21T08:30:00.000Z',
        url: 'https://shop.example/orders/2026-1107',
      },
      {
        title: 'Order 2026-1107 is on its way',
        text: 'Order 2026-1107 has left our warehouse. Tracking id: JD0146 0001 2345',
        at: '2026-11-21T09:10:00.000Z',
        url: 'https://shop.example/orders/2026-1107',
      },
      {
        title: 'Our warehouse moves on Friday',
        text: 'We move to a larger warehouse this Friday, so parcels leave one day later than usual.',
        at: '2026-11-21T09:25:00.000Z',
      },
    ],
  },
)

export const templates: ReadonlyMap<string, Declaration> = new Map<string, Declaration>([
  ...Object.entries(orderTemplates),
  ['digest', digestTemplate],
  [
    MESSAGE,
    template(
      'What somebody wrote by hand.',
      {
        subject: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
        paragraphs: Type.Array(Type.Array(Type.String(), { description: 'the lines of a paragraph' })),
      },
      {
        subject: 'Our warehouse moves on Friday',
        paragraphs: [
          ['We move to a larger warehouse this Friday, so parcels leave one day later than usual.'],
          ['Kind regards,', 'your team'],
        ],
      },
    ),
  ],
])
