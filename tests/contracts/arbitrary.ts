// Data that fits a schema, for properties that must hold whatever a contract carries.
import type { AnyContract, Message } from '@orders/shared/contracts'
import fc from 'fast-check'

/** Only what the contracts and the routes use; anything else fails loudly. */
interface Schema {
  type?: string
  const?: string
  enum?: unknown[]
  anyOf?: Schema[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  minItems?: number
  uniqueItems?: boolean
  properties?: Record<string, Schema>
  required?: string[]
}

const INSTANT_YEARS = {
  min: new Date('1990-01-01T00:00:00Z'),
  max: new Date('2100-01-01T00:00:00Z'),
  noInvalidDate: true,
}

export function arbitraryDataOf({ schema }: AnyContract): fc.Arbitrary<unknown> {
  const { properties } = schema as { properties?: { data?: object } }
  return arbitraryOf(properties?.data ?? {})
}

/** Some message of this contract, the same in every run. */
export function exampleOf(contract: AnyContract, subject: string): Message {
  const [data] = fc.sample(arbitraryDataOf(contract), { numRuns: 1, seed: 1 })
  if (!('of' in contract) || typeof contract.of !== 'function') throw new Error(`nothing makes a ${contract.type}`)
  return contract.of(subject, '2026-01-05T10:00:00.000Z', data)
}

export function arbitraryOf(schema: object): fc.Arbitrary<unknown> {
  // The cast is the decoding edge: a TypeBox schema is a JSON schema, of which this reads a part.
  return generate(schema as Schema)
}

function generate(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(generate))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 1_000_000) })
    case 'number':
      return fc.double({ min: -1_000, max: 1_000, noNaN: true })
    case 'string':
      return text(schema)
    case 'array': {
      const options = { minLength: schema.minItems ?? 0, maxLength: 4 }
      const items = generate(schema.items ?? {})
      return schema.uniqueItems ? fc.uniqueArray(items, options) : fc.array(items, options)
    }
    case 'object': {
      const { properties = {}, required = [] } = schema
      const entries = Object.entries(properties).map(([name, property]) => {
        const value = generate(property)
        return [name, required.includes(name) ? value : fc.option(value, { nil: undefined })] as const
      })
      // An optional field that is undefined is one that is not there.
      return fc.record(Object.fromEntries(entries)).map((data) => JSON.parse(JSON.stringify(data)))
    }
    case 'boolean':
      return fc.boolean()
    default:
      throw new Error(`no data can be made for ${JSON.stringify(schema)}`)
  }
}

function text({
  pattern,
  minLength = 0,
  maxLength = pattern === undefined ? 30 : 1_000,
}: Schema): fc.Arbitrary<string> {
  if (pattern === undefined) return fc.string({ unit: 'grapheme-ascii', minLength, maxLength: Math.min(maxLength, 30) })
  // As validators read a pattern: property escapes need it.
  const expression = new RegExp(pattern, pattern.includes('\\p{') ? 'u' : '')
  if (expression.test('2026-11-21T08:00:00.000Z')) return fc.date(INSTANT_YEARS).map((date) => date.toISOString())
  // Lookaheads are beyond the generator; only ids and names have them.
  if (!/\(\?[!=]/.test(pattern)) return fc.stringMatching(expression).filter((text) => text.length <= maxLength)
  return fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/).filter((candidate) => expression.test(candidate))
}
