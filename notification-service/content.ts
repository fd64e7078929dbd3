// What a message is about: its template and data are settled when it is requested, its words follow from them.
import { type TObject, type TSchema, Type } from 'typebox'
import { MESSAGE } from './templates/schemas.ts'

/** How somebody reads: in which language, and on which clock. */
export interface Reader {
  /** BCP 47. */
  locale?: string | undefined
  /** An IANA name. */
  timeZone?: string | undefined
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
  /** IANA, of the clock that times are read from. Older words have none: their times are in UTC, and dates as `en` and `de` have them. */
  timeZone?: string
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

/** A text's beginning, of at most so many UTF-16 units, as providers count: without the half of a character at its end. */
export function beginningOf(text: string, unitsMax: number): string {
  return text.slice(0, unitsMax).replace(/[\ud800-\udbff]$/, '')
}

/** What all messages of one service have in common. */
export interface Style {
  version: string
  /** Of amounts whose event names none. */
  currency: string
  /** Of whoever's clock is not known. */
  timeZone: string
}

/** What somebody wrote by hand: paragraphs are parted by empty lines. */
export function plainWords(subject: string, body: string, reader: Reader, style: Style): Words {
  const paragraphs = body
    .replaceAll(/\r\n?/g, '\n')
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== '')
  const data = { subject, paragraphs: paragraphs.map((paragraph) => paragraph.split('\n')) }
  return wordsOf(MESSAGE, data, reader, style)
}

/** `data` is completed: a template sees null for what is not known. */
export function wordsOf(template: string, data: Data, reader: Reader, style: Style): Words {
  const { version, currency } = style
  const { locale = null, timeZone = style.timeZone } = reader
  return { template, version, locale, currency, timeZone, data }
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
