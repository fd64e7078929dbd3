// The schema of a request to send a notification, and its conversion to the domain's form.
import { Channel, canonicalUser, demandEmail, Locale, OffsetInstant } from '@orders/shared/contracts'
import { type FieldFault, fieldFaultsOf, textFaultsOf } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { Addresses } from '../addresses.ts'
import { canonicalContact, type PhoneCountry } from '../canonical-addresses.ts'
import { CustomerId } from '../customers/http.ts'
import { Data } from '../rendering/http.ts'
import { dataFor, faulty } from '../rendering/request.ts'
import type { DirectRequest, Wanted } from './domain.ts'

const Priority = Type.Union([Type.Literal('urgent'), Type.Literal('normal'), Type.Literal('bulk')])

export const SendNotification = Type.Object(
  {
    to: Type.Object(
      { ...Addresses, customerId: Type.Optional(CustomerId) },
      {
        additionalProperties: false,
        minProperties: 1,
        description: 'Addresses, or a customer with known addresses',
      },
    ),
    channels: Type.Optional(
      Type.Array(Channel, { minItems: 1, maxItems: 4, uniqueItems: true, description: 'Only by these channels' }),
    ),
    subject: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })),
    body: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000 })),
    template: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Instead of subject and body' })),
    data: Type.Optional(Data),
    locale: Type.Optional(Locale),
    priority: Type.Optional(Priority),
    category: Type.Optional(
      Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,39}$', description: 'The category, for preferences' }),
    ),
    sendAt: Type.Optional(OffsetInstant),
    expiresAt: Type.Optional(OffsetInstant),
  },
  { additionalProperties: false },
)
export type SendNotification = Static<typeof SendNotification>

const validator = Compile(SendNotification)

/** @throws RejectedError 400 `invalid_input` with every faulty field, 400 `bad_address`, 404 `no_such_template`. */
export function requestOf(sent: unknown, phoneCountry?: PhoneCountry): DirectRequest {
  if (!validator.Check(sent)) throw faulty(fieldFaultsOf(validator.Errors(sent)))
  const unkept = textFaultsOf(sent)
  if (unkept.length > 0) throw faulty(fieldFaultsOf(unkept))
  const { to, channels, locale, priority = 'normal', category, sendAt, expiresAt } = sent
  const contact = canonicalContact(to, phoneCountry)
  demandEmail(contact.email, 'to.email')
  return {
    to: { ...contact, ...(to.customerId !== undefined && { customerId: canonicalUser(to.customerId) }) },
    wanted: wantedOf(sent),
    locale,
    priority,
    ...(channels && { channels }),
    ...(category !== undefined && { category }),
    ...timesOf({ sendAt, expiresAt }),
  }
}

/** In the form of `Date.toISOString`, so that instants compare as text. */
function timesOf(sent: { sendAt: string | undefined; expiresAt: string | undefined }) {
  const faults: FieldFault[] = []
  const times: { sendAt?: string; expiresAt?: string } = {}
  for (const field of ['sendAt', 'expiresAt'] as const) {
    const text = sent[field]
    if (text === undefined) continue
    const instant = new Date(text).toISOString()
    // Years of more than four digits do not compare as text.
    if (/^\d/.test(instant)) times[field] = instant
    else faults.push({ field, message: 'is not an RFC 3339 time' })
  }
  if (times.sendAt !== undefined && times.expiresAt !== undefined && times.expiresAt <= times.sendAt)
    faults.push({ field: 'expiresAt', message: 'is not after sendAt' })
  if (faults.length > 0) throw faulty(faults)
  return times
}

/** Either subject and body, or a template and its data. */
function wantedOf({ subject, body, template, data }: SendNotification): Wanted {
  if (template !== undefined) {
    const beside = Object.entries({ subject, body }).filter(([, value]) => value !== undefined)
    if (beside.length > 0) throw faulty(beside.map(([field]) => ({ field, message: 'does not go with a template' })))
    return { template, data: dataFor(template, data ?? {}) }
  }
  if (subject !== undefined && body !== undefined && data === undefined) return { subject, body }
  const missing = Object.entries({ subject, body }).filter(([, value]) => value === undefined)
  throw faulty([
    ...missing.map(([field]) => ({ field, message: 'is required, or a template' })),
    ...(data === undefined ? [] : [{ field: 'data', message: 'goes with a template' }]),
  ])
}
