// What a message is about: its template and data are settled when it is requested, its words follow from them.
import type { Customer, Line, PricedLine } from '@orders/shared/contracts'
import { type TObject, type TSchema, Type } from 'typebox'
import { MESSAGE, type OrderTemplate, orderTemplates, reasons } from './templates/schemas.ts'

/** What the heard events know of their order; each knows a part of it. */
export interface Told extends Customer {
  lines?: (Line | PricedLine)[]
  totalCents?: number
  trackingId?: string
  reason?: string
  confirmBefore?: string
}

export type Data = Record<string, unknown>

/**
 * Everything that a message's words follow from. Kept instead of the words, at a tenth of their size: rendered again,
 * today or by a later version of the service, they are the same to the letter, since `version` names the very files.
 */
export interface Words {
  template: string
  /** Names the template files, see `versionOf`. */
  version: string
  /** As asked for, BCP 47; null for the default. */
  locale: string | null
  /** ISO 4217. */
  currency: string
  data: Data
}

/** A message as it is sent: every channel takes what fits it. */
export interface Content {
  subject: string
  /** One line that says it all, for SMS and push. */
  short: string
  text: string
  html: string
}

/** What all messages of one service have in common. */
export interface Style {
  version: string
  currency: string
  /** A page of the shop about an order, with `{orderId}` in it. */
  orderUrl?: string
}

export function newsWords(type: OrderTemplate, orderId: string, told: Told, style: Style): Words {
  const { user, contact, lines = [], reason = 'other' } = told
  const known = {
    ...told,
    orderId,
    // Nobody is called by an address.
    name: user.includes('@') ? undefined : user,
    orderUrl: style.orderUrl?.replace('{orderId}', orderId),
    lines: lines.map(pricedLine),
    reason: reasons.find((one) => one === reason) ?? 'other',
  }
  return wordsOf(type, completed(orderTemplates[type].data, known), contact?.locale, style)
}

/** What somebody wrote by hand: paragraphs are parted by empty lines. */
export function plainWords(subject: string, body: string, locale: string | undefined, style: Style): Words {
  const paragraphs = body.split(/\n{2,}/).filter((paragraph) => paragraph.trim() !== '')
  const data = { subject, paragraphs: paragraphs.map((paragraph) => paragraph.split('\n')) }
  return wordsOf(MESSAGE, data, locale, style)
}

/** `data` is completed: a template sees null for what is not known. */
export function wordsOf(template: string, data: Data, locale: string | undefined, style: Style): Words {
  const { version, currency } = style
  return { template, version, locale: locale ?? null, currency, data }
}

function pricedLine(line: Line | PricedLine) {
  const { sku, quantity } = line
  return { sku, quantity, totalCents: 'unitPriceCents' in line ? quantity * line.unitPriceCents : undefined }
}

type Complete = (given: Data) => Data
/** Looking into a schema takes ten times what completing does. */
const completing = new WeakMap<TObject, Complete>()

/** Exactly the fields of the schema, null where there is no value: a strict template refuses what is not there at all. */
export function completed(schema: TObject, given: Data): Data {
  let complete = completing.get(schema)
  if (!complete) {
    complete = completeAs(schema)
    completing.set(schema, complete)
  }
  return complete(given)
}

function completeAs({ properties }: TObject): Complete {
  const fields = Object.entries(properties).map(([name, schema]) => ({ name, complete: completeValueAs(schema) }))
  return (given) => {
    const data: Data = {}
    for (const { name, complete } of fields) data[name] = complete(given[name])
    return data
  }
}

function completeValueAs(schema: TSchema): (value: unknown) => unknown {
  if (Type.IsArray(schema)) {
    const complete = completeValueAs(schema.items)
    return (value) => (Array.isArray(value) ? value.map(complete) : (value ?? null))
  }
  if (!Type.IsObject(schema)) return (value) => value ?? null
  const complete = completeAs(schema)
  return (value) => (isData(value) ? complete(value) : (value ?? null))
}

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null
}
