// The content of a message. Its template and data are fixed when it is requested; its words are rendered from them.
import { type TObject, type TSchema, Type } from 'typebox'
import { MESSAGE } from './templates/schemas.ts'

/** The reader's language and time zone. */
export interface Reader {
  /** BCP 47. */
  locale?: string | undefined
  /** An IANA name. */
  timeZone?: string | undefined
}

export type Data = Record<string, unknown>

/**
 * Everything from which a message is rendered. Stored instead of the rendered text, at a tenth of its size. `version`
 * names the exact template files, so it renders to the same text at any time and in later versions of the service.
 */
export interface Words {
  template: string
  /** Version of the template files, see `versionOf`. */
  version: string
  /** As requested, BCP 47. Null for the default. */
  locale: string | null
  /** ISO 4217. */
  currency: string
  /**
   * IANA zone for times. Missing in words of earlier versions: their times are in UTC, and their dates as in `en` and
   * `de`.
   */
  timeZone?: string
  data: Data
}

/** A rendered message. Every channel takes the parts that it can send. */
export interface Content {
  subject: string
  /** The whole message in one line, for SMS and push. */
  short: string
  text: string
  html: string
}

/**
 * The beginning of a text, at most `unitsMax` UTF-16 units, which is how providers count. Does not cut a character in
 * half.
 */
export function beginningOf(text: string, unitsMax: number): string {
  return text.slice(0, unitsMax).replace(/[\ud800-\udbff]$/, '')
}

/** What all messages of one service have in common. */
export interface Style {
  version: string
  /** For amounts whose event names no currency. */
  currency: string
  /** For readers whose time zone is unknown. */
  timeZone: string
}

/** Words for a text written by hand. Empty lines separate paragraphs. */
export function plainWords(subject: string, body: string, reader: Reader, style: Style): Words {
  const paragraphs = body
    .replaceAll(/\r\n?/g, '\n')
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== '')
  const data = { subject, paragraphs: paragraphs.map((paragraph) => paragraph.split('\n')) }
  return wordsOf(MESSAGE, data, reader, style)
}

/** `data` must be completed: templates expect null for unknown fields. */
export function wordsOf(template: string, data: Data, reader: Reader, style: Style): Words {
  const { version, currency } = style
  const { locale = null, timeZone = style.timeZone } = reader
  return { template, version, locale, currency, timeZone, data }
}

type Complete = (given: Data) => Data
/** Inspecting a schema takes ten times as long as completing data. */
const completing = new WeakMap<TObject, Complete>()

/** Exactly the fields of the schema, with null for missing values: strict templates refuse a field that is absent. */
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
