// Text that the long texts about customers have in common: orders, reservations, and the data of mails. They are packed with a
// dictionary before they are encrypted, and name it by position. So append another one, and never change one.

const LINE = '{"sku":"item","name":"","quantity":1,"unitPriceCents":1000,"totalCents":1000}'

export const dictionaries: readonly string[] = [
  [
    '{"customerId":"cus_","user":"customer","reason":null,"missing":null,"priceChange":null,"paragraphs":[["subject":"',
    '"confirmBefore":"2026-01-01T00:00:00.000Z","paymentUrl":null,"locale":"de","currency":"USD","timeZone":"Europe/Berlin"',
    '"template":"payment.refunded","template":"payment.confirmation_required","template":"message","template":"order.cancelled"',
    '{"name":"","shippingAddress":"nowhere","contact":{"email":"@example.com","phone":"+49151","push":"","webhook":"https://',
    '"trackingId":"SIM-","carrier":"simulated-post","trackingUrl":"https://"template":"order.completed","template":"order.shipped"',
    '"template":"order.paid","address":["nowhere"]},"orderUrl":"https://',
    '{"words":{"template":"order.created","version":"',
    '","locale":null,"currency":"EUR","timeZone":"UTC","data":{"orderId":"","name":null,"orderUrl":null,"lines":[',
    `${LINE},${LINE}],"totalCents":2000,"address":null,"trackingId":null,"carrier":null,"trackingUrl":null}}}`,
  ].join(''),
]
