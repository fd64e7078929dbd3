// What notification-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const NotificationConfig = configWith({
  smtpUrl: Type.Optional(
    Type.String({
      pattern: '^smtps?://',
      description:
        'Mail server, for example smtp://user:password@mail.example.com:587. Unset, mails become files in DATA_DIR/mail.',
    }),
  ),
  mailFrom: Type.String({
    default: 'Orders <orders@example.com>',
    pattern: '^[^\\u0000-\\u001f<>]*<?[^\\s@<>,;]+@[^\\s@<>,;]+>?$',
    description: 'Sender of the mails.',
  }),
  mailIdDomain: Type.String({
    default: 'orders.example',
    pattern: '^[A-Za-z0-9.-]+$',
    description: 'Right side of the Message-ID. Keep it: a mail that is sent again is known by its Message-ID.',
  }),
  defaultEmailDomain: Type.String({
    default: 'example.com',
    pattern: '^[A-Za-z0-9.-]+$',
    description: 'An order without a contact is told about at <user>@ this domain.',
  }),
  orderUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description: 'Your page about an order, for example https://shop.example/orders/{orderId}; the mails link to it.',
    }),
  ),
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
})
export type NotificationConfig = Static<typeof NotificationConfig>
