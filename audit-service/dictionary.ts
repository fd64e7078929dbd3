// What all bodies have in common, as the contracts tell it: so even an event that is packed alone becomes small.
import type { AnyContract } from '@orders/shared/contracts'
import { RECORD, recordOf } from './block.ts'

/** How far back a packed text can refer to (RFC 1951). */
const LENGTH_MAX = 32_768

/** An example of each message. The nearest is referred to in the fewest bits, so those that are listed first come last. */
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

/** As much of JSON Schema as contracts use. */
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
