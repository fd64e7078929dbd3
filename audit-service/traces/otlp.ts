// Reads spans in OTLP/HTTP JSON (OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding"), as far as they are shown.
import { type Static, Type } from 'typebox'
import type { Span } from './kept.ts'

const Id = (digits: number) => Type.String({ pattern: `^[0-9a-f]{${digits}}$` })
/** A fixed64 of nanoseconds since 1970. In JSON it is a text, but some senders write a number. */
const Nanoseconds = Type.Union([Type.String({ pattern: '^[0-9]{1,20}$' }), Type.Number()])
const Attributes = Type.Optional(
  Type.Array(Type.Object({ key: Type.String(), value: Type.Object({ stringValue: Type.Optional(Type.String()) }) })),
)
const Told = Type.Object({
  traceId: Id(32),
  spanId: Id(16),
  parentSpanId: Type.Optional(Type.String({ pattern: '^([0-9a-f]{16})?$' })),
  name: Type.String(),
  startTimeUnixNano: Nanoseconds,
  endTimeUnixNano: Nanoseconds,
  attributes: Attributes,
  links: Type.Optional(Type.Array(Type.Object({ traceId: Id(32), spanId: Id(16) }))),
  status: Type.Optional(Type.Object({ code: Type.Optional(Type.Union([Type.Integer(), Type.String()])) })),
})

export const ExportTraces = Type.Object({
  resourceSpans: Type.Optional(
    Type.Array(
      Type.Object({
        resource: Type.Optional(Type.Object({ attributes: Attributes })),
        scopeSpans: Type.Optional(Type.Array(Type.Object({ spans: Type.Optional(Type.Array(Told)) }))),
      }),
    ),
  ),
})

/** `STATUS_CODE_ERROR`. */
const ERROR = new Set<unknown>([2, 'STATUS_CODE_ERROR'])
const NANOSECONDS = 1e6

/** Reads attributes by their names in the semantic conventions. */
export function spansIn({ resourceSpans = [] }: Static<typeof ExportTraces>): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = textOf(resource?.attributes, 'service.name') ?? 'unknown'
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((told) => spanOf(service, told)))
  })
}

function spanOf(service: string, told: Static<typeof Told>): Span {
  const { traceId, spanId: id, parentSpanId = '', name, attributes, links = [], status } = told
  const [startMs, endMs] = [told.startTimeUnixNano, told.endTimeUnixNano].map((time) => Number(time) / NANOSECONDS)
  return {
    ...{ traceId, id, service, name },
    parentId: parentSpanId === '' ? null : parentSpanId,
    startMs: startMs ?? 0,
    durationMs: Math.max(0, (endMs ?? 0) - (startMs ?? 0)),
    isFailed: ERROR.has(status?.code),
    subject: textOf(attributes, 'messaging.message.conversation_id'),
    links: links.map((link) => ({ traceId: link.traceId, id: link.spanId })),
  }
}

const textOf = (attributes: Static<typeof Attributes> | undefined, name: string) =>
  attributes?.find(({ key }) => key === name)?.value.stringValue
