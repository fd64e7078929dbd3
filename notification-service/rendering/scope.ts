// The fields that are visible at one place of a template, each with its type and whether it may be missing.
import { type TSchema, Type } from 'typebox'

export interface Seen {
  /** `object`, `array`, `string`, `integer`, `boolean`. */
  type: string
  isOptional: boolean
  fields?: ReadonlyMap<string, Seen>
  items?: Seen
  /** The possible texts, if there are only a few. */
  choices?: string[]
}

export const text: Seen = { type: 'string', isOptional: false }
export const flag: Seen = { type: 'boolean', isOptional: false }
export const number: Seen = { type: 'integer', isOptional: false }

export function seenOf(schema: TSchema, isOptional = false): Seen {
  if (Type.IsEnum(schema)) return { type: 'string', isOptional, choices: schema.enum.map(String) }
  if (Type.IsArray(schema)) return { type: 'array', isOptional, items: seenOf(schema.items) }
  if (!Type.IsObject(schema)) return { type: 'type' in schema ? String(schema.type) : 'unknown', isOptional }
  const fields = Object.entries(schema.properties).map(
    ([name, property]) => [name, seenOf(property, Type.IsOptional(property))] as const,
  )
  return { type: 'object', isOptional, fields: new Map(fields) }
}

export interface Scope {
  /** The type of `this`. */
  here: Seen
  /** The scope of `../`. Missing at the top of a file. */
  outer?: Scope
  /** The `@name` variables. */
  data: ReadonlyMap<string, Seen>
}

/** The same scope in which a field, or an `@name`, is known to be present. */
export function knowing(scope: Scope, name: string): Scope {
  if (name.startsWith('@')) return { ...scope, data: present(scope.data, name.slice(1)) }
  return { ...scope, here: { ...scope.here, fields: present(scope.here.fields ?? new Map(), name) } }
}

function present(fields: ReadonlyMap<string, Seen>, name: string): ReadonlyMap<string, Seen> {
  const field = fields.get(name)
  return field ? new Map([...fields, [name, { ...field, isOptional: false }]]) : fields
}
