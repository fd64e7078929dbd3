// Makes the compression dictionary from the contracts. It holds what all bodies have in common, so that even a single event
// compresses well.
import type { AnyContract } from '@orders/shared/contracts'
import { RECORD, recordOf } from './block.ts'

/** How far back compressed data can refer (RFC 1951). */
const LENGTH_MAX = 32_768

/** One example of each message. Near references take the fewest bits, so the contracts that are listed first come last. */
export function dictionaryOf(contracts: Iterable<AnyContract>): Buffer {
  const examples = [...contracts].reverse().map(({ type, schema }) => {
    const subject = 'SUBJECT'
    const attributes = {
      id: `${subject}/${type}`,
      source: `/${type.slice(0, type.indexOf('.'))}-service`,
      subject,
      type,
    }
    const constant = { ...attributes, datacontenttype: 'application/json' }
    const body = JSON.stringify(Object.assign({}, exampleOf(schema), constant))
    return recordOf({
      entry: {
        ...attributes,
        sequence: 1,
        time: INSTANT,
        receivedAt: INSTANT,
        causationId: attributes.id,
        traceId: null,
        body,
        hash: '',
      },
      subject: 1,
      kind: 1,
    })
  })
  return Buffer.from(examples.join(RECORD)).subarray(-LENGTH_MAX)
}

/** The part of JSON Schema that the contracts use. */
interface Schema {
  type?: string
  const?: unknown
  pattern?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
}

const INSTANT = '2026-01-01T00:00:00.000Z'

function exampleOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf?.[0]) return exampleOf(schema.anyOf[0])
  if (schema.type === 'integer') return 1
  if (schema.type === 'array' && schema.items) return [exampleOf(schema.items), exampleOf(schema.items)]
  if (schema.properties)
    return Object.fromEntries(Object.entries(schema.properties).map(([name, value]) => [name, exampleOf(value)]))
  return schema.pattern !== undefined && new RegExp(schema.pattern).test(INSTANT) ? INSTANT : ''
}
