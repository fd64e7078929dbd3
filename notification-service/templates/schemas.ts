// The data of each template, and a sample of it. A template file that names any other field stops the service at start.
import { Cents, Instant, OrderId, PriceChange, Sku } from '@orders/shared/contracts'
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
  {
    sku: Sku,
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Name of the goods in the catalogue' }),
    ),
    quantity: Type.Integer({ minimum: 1 }),
    unitPriceCents: Type.Optional(Cents),
    totalCents: Type.Optional(Cents),
  },
  { additionalProperties: false },
)
const WebPage = Type.String({ pattern: '^https?://\\S+$', maxLength: 2048 })

/** Not every event has all data. A template may show an optional field only inside its own `{{#if}}`. */
const Order = {
  orderId: OrderId,
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Name of the customer' })),
  orderUrl: Type.Optional(WebPage),
  lines: Type.Array(Line),
  totalCents: Type.Optional(Cents),
  address: Type.Optional(Type.Array(Type.String(), { description: 'Shipping address, line by line' })),
}

const order = {
  orderId: '2026-1107',
  name: 'Gayal Perera',
  orderUrl: 'https://shop.example/orders/2026-1107',
  lines: [
    { sku: 'espresso-cup', name: 'Espresso cup, white', quantity: 4, unitPriceCents: 990, totalCents: 3_960 },
    { sku: 'moka-pot-6', name: 'Moka pot for six', quantity: 1, unitPriceCents: 3_490, totalCents: 3_490 },
  ],
  totalCents: 7_450,
  address: ['Gayal Perera', 'Lindengasse 12/4', '1070 Vienna', 'Austria'],
}

const refund = {
  orderId: order.orderId,
  name: order.name,
  orderUrl: order.orderUrl,
  lines: [{ sku: 'espresso-cup', name: 'Espresso cup, white', quantity: 1, unitPriceCents: 990, totalCents: 990 }],
  totalCents: 990,
}

/** Why an order is not delivered. Any other reason in an event, for example a carrier's code, becomes `other`. */
export const reasons = [
  'out_of_stock',
  'declined',
  'gateway_unavailable',
  'cancelled_by_customer',
  'confirmation_timeout',
  'price_changed',
  'address_not_served',
  'other',
] as const
const Reason = Type.Enum([...reasons])

const Missing = Type.Object(
  {
    sku: Sku,
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    quantity: Type.Integer({ minimum: 1, description: 'Ordered quantity' }),
    available: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
)

const Waiting = { ...Order, confirmBefore: Instant, paymentUrl: Type.Optional(WebPage) }
const waiting = {
  ...order,
  lines: [
    { sku: 'espresso-machine', name: 'Espresso machine', quantity: 1, unitPriceCents: 107_450, totalCents: 107_450 },
  ],
  totalCents: 107_450,
  confirmBefore: '2026-11-21T18:30:00.000Z',
  paymentUrl: 'https://shop.example/orders/2026-1107/pay',
}

/** The template of an event has the event's type as its name. */
export const newsTemplates = {
  'order.created': template('The order has arrived, and its goods are reserved.', Order, order),
  'payment.confirmation_required': template(
    'The customer must confirm the payment before the deadline.',
    Waiting,
    waiting,
  ),
  'order.paid': template('The order is paid.', Order, order),
  'order.shipped': template(
    'The parcel is on its way.',
    {
      ...Order,
      trackingId: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      carrier: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      trackingUrl: Type.Optional(WebPage),
    },
    {
      ...order,
      trackingId: 'JD0146 0001 2345',
      carrier: 'Alpine Parcel',
      trackingUrl: 'https://parcel.example/track/JD014600012345',
    },
  ),
  'order.completed': template('The parcel has arrived.', Order, order),
  'order.cancelled': template(
    'The order was cancelled, and why.',
    {
      ...Order,
      reason: Reason,
      missing: Type.Optional(Type.Array(Missing, { description: 'Goods that are out of stock' })),
      priceChange: Type.Optional(Type.Object(PriceChange.properties, { additionalProperties: false })),
    },
    {
      ...order,
      lines: [],
      reason: 'out_of_stock',
      missing: [{ sku: 'moka-pot-6', name: 'Moka pot for six', quantity: 2, available: 1 }],
    },
  ),
  'payment.refunded': template(
    'A refund: how much, why, and for which goods.',
    {
      orderId: Order.orderId,
      name: Order.name,
      orderUrl: Order.orderUrl,
      lines: Type.Array(Line, { description: 'Refunded lines; empty: the whole order' }),
      totalCents: Cents,
      reason: Reason,
      note: Type.Optional(Type.String({ minLength: 1, description: 'Why, as an operator wrote it' })),
    },
    { ...refund, reason: 'other', note: 'One cup arrived broken. We are sorry.' },
  ),
}
export type NewsType = keyof typeof newsTemplates

/** All templates about orders. Those that are not named after an event are steps of sequences. */
export const orderTemplates = {
  ...newsTemplates,
  reminder: template('The customer has not confirmed the payment yet.', Waiting, waiting),
  follow_up: template('A question some time after the delivery: is all well?', Order, order),
}
export type OrderTemplate = keyof typeof orderTemplates

export const MESSAGE = 'message'

/** Several messages of one category, sent as one. */
export const digestTemplate = template(
  'Several messages of one category.',
  {
    count: Type.Integer({ minimum: 1 }),
    first: Type.String({ description: 'Title of the first' }),
    more: Type.Integer({ minimum: 0, description: 'How many there are besides the first' }),
    items: Type.Array(
      Type.Object(
        {
          notificationId: Type.Optional(
            Type.String({ description: 'The id of the notification, if the service made the digest' }),
          ),
          title: Type.String(),
          text: Type.String({ description: 'In one line' }),
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
      'A message that somebody wrote.',
      {
        subject: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
        paragraphs: Type.Array(Type.Array(Type.String(), { description: 'The lines of a paragraph' })),
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
