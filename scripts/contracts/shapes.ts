// Whether everything that one shape allows is accepted by another, and if not, which field is in the way and why. Of JSON Schema it knows
// what the contracts are made of; whatever else stands in a schema must be the same in both.
import { isDeepStrictEqual } from 'node:util'

/** A JSON Schema as data. */
export interface Shape {
  type?: string
  const?: unknown
  anyOf?: readonly Shape[]
  properties?: Readonly<Record<string, Shape>>
  required?: readonly string[]
  items?: Shape
  [keyword: string]: unknown
}

export interface Refusal {
  /** Dotted path, `lines[].sku`. */
  field: string
  why: string
}

/** Keywords that say nothing of which values are allowed, and those that are compared below. */
const KNOWN = new Set(
  ['description', 'title', 'default', 'examples', 'x-personal', '$id', 'type', 'const', 'anyOf', 'properties'].concat([
    'required',
    'items',
    'minimum',
    'maximum',
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
    'uniqueItems',
    'pattern',
  ]),
)
/** Less is allowed where these are greater, and where those are smaller. */
const LOWER = ['minimum', 'minLength', 'minItems']
const UPPER = ['maximum', 'maxLength', 'maxItems']

/** Why a reader of `read` may refuse what a writer of `said` says; empty when it never does. */
export function refusals(said: Shape, read: Shape, field = ''): Refusal[] {
  if (said.anyOf) return said.anyOf.flatMap((one) => refusals(one, read, field))
  if (read.anyOf) return ofAny(said, read.anyOf, field)
  if ('const' in said || 'const' in read) return ofConstant(said, read, field)
  if (said.type !== read.type && !(said.type === 'integer' && read.type === 'number'))
    return [{ field, why: `is published as ${nameOf(said)} but read as ${nameOf(read)}` }]
  return [
    ...ofBounds(said, read, field),
    ...(read.type === 'object' ? ofFields(said, read, field) : []),
    ...(read.items ? refusals(said.items ?? {}, read.items, `${field}[]`) : []),
  ]
}

/** One of them must take it. */
function ofAny(said: Shape, ways: readonly Shape[], field: string): Refusal[] {
  const found = ways.map((way) => refusals(said, way, field))
  if (found.some((one) => one.length === 0)) return []
  if ('const' in said) return [{ field, why: `may be ${JSON.stringify(said.const)}, which the reader does not accept` }]
  return found.toSorted((a, b) => a.length - b.length)[0] ?? []
}

function ofConstant(said: Shape, read: Shape, field: string): Refusal[] {
  if (!('const' in said))
    return [{ field, why: `may be anything, but the reader accepts only ${JSON.stringify(read.const)}` }]
  if ('const' in read)
    return isDeepStrictEqual(said.const, read.const)
      ? []
      : [
          {
            field,
            why: `is published as ${JSON.stringify(said.const)}, but the reader accepts only ${JSON.stringify(read.const)}`,
          },
        ]
  return typeof said.const === read.type
    ? []
    : [{ field, why: `is published as ${nameOf(said)} but read as ${nameOf(read)}` }]
}

function ofBounds(said: Shape, read: Shape, field: string): Refusal[] {
  const tighter = (keyword: string, isTighter: (said: number, read: number) => boolean) => {
    const [before, after] = [said[keyword], read[keyword]]
    if (typeof after !== 'number' || (typeof before === 'number' && !isTighter(before, after))) return []
    return [{ field, why: `has ${keyword} ${before ?? 'unlimited'} for the publisher, but ${after} for the reader` }]
  }
  const others = Object.keys({ ...said, ...read }).filter((keyword) => !KNOWN.has(keyword))
  return [
    ...LOWER.flatMap((keyword) => (read[keyword] === 0 ? [] : tighter(keyword, (before, after) => after > before))),
    ...UPPER.flatMap((keyword) => tighter(keyword, (before, after) => after < before)),
    ...(read.pattern !== undefined && read.pattern !== said.pattern
      ? [{ field, why: 'must match another pattern for the reader; patterns cannot be compared' }]
      : []),
    ...(read.uniqueItems && !said.uniqueItems
      ? [{ field, why: 'may contain duplicates, which the reader does not accept' }]
      : []),
    ...others
      .filter((keyword) => !isDeepStrictEqual(said[keyword], read[keyword]))
      .map((keyword) => ({ field, why: `has another ${keyword} for the reader, which cannot be compared` })),
  ]
}

function ofFields(said: Shape, read: Shape, field: string): Refusal[] {
  const at = (name: string) => (field === '' ? name : `${field}.${name}`)
  const { properties = {}, required = [] } = said
  const missing = (read.required ?? []).filter((name) => !required.includes(name))
  return [
    ...missing.map((name) => ({
      field: at(name),
      why:
        name in properties
          ? 'is required by the reader, but may be missing'
          : 'is required by the reader, but is not published',
    })),
    ...Object.entries(read.properties ?? {}).flatMap(([name, shape]) =>
      properties[name] ? refusals(properties[name], shape, at(name)) : [],
    ),
  ]
}

function nameOf(shape: Shape): string {
  if ('const' in shape) return JSON.stringify(shape.const)
  return shape.type ?? 'anything'
}
