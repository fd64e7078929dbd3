// Creates spans by @opentelemetry/api and its semantic conventions for messaging (v1.44, "Development"). The operator chooses
// an SDK and loads it beside the service (`node --import`). Without an SDK, no span is created and nothing is measured.
//
// HTTP request → create message → (commit) → send → process → create message … Each message carries the context of the span
// that created it. So the span that processes it is a child of that span, in whatever service. A commit has no parent. It is
// linked to the traces of all its members.
import {
  type Attributes,
  createTraceState,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { asError, errorCode } from '../runtime/errors.ts'
import { headersOf, type Trace, type TraceHeaders, toldBy } from './trace.ts'

export interface Step {
  /** The trace headers for what follows from this step. */
  trace: TraceHeaders
  note(attributes: Attributes): void
  /** Call once; with the error if the step failed. */
  end(error?: unknown): void
}

export interface Begun {
  name: string
  kind: keyof typeof SpanKind
  attributes?: Attributes
  /** The parent's trace. */
  from?: Trace | undefined
  /** The traces to link to. */
  links?: readonly Trace[]
}

/** Returns undefined if there is no SDK; then `begun` is not called. */
export function beginStep(begun: () => Begun): Step | undefined {
  const tracer = tracerThere()
  if (!tracer) return undefined
  const { name, kind, attributes = {}, from = {}, links = [] } = begun()
  const parent = contextOf(from)
  const span = tracer.startSpan(
    name,
    {
      ...{ kind: SpanKind[kind], attributes },
      links: links.flatMap((one) => {
        const context = contextOf(one)
        return context ? [{ context }] : []
      }),
    },
    parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
  )
  const { traceId, spanId: parentId, traceFlags: flags, traceState } = span.spanContext()
  return {
    trace: headersOf({ traceId, parentId, flags, state: traceState?.serialize() || undefined }),
    note: (more) => void span.setAttributes(more),
    end(thrown) {
      if (thrown !== undefined) {
        const error = asError(thrown)
        span.setAttribute('error.type', errorCode(error))
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      }
      span.end()
    },
  }
}

/** Without an SDK, the provider is the API's proxy, which has no delegate. */
function tracerThere(): Tracer | undefined {
  const provider = trace.getTracerProvider()
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(NAME) : provider.getTracer(NAME)
}

const NAME = 'order-choreography'

function contextOf(from: Trace): SpanContext | undefined {
  const told = toldBy(from)
  if (!told) return undefined
  const { traceId, parentId: spanId, flags: traceFlags, state } = told
  return {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  }
}

/** The attributes of every span about a RabbitMQ message. */
export const aboutMessage = (
  operation: 'create' | 'send' | 'process',
  message: {
    id: string | undefined
    exchange: string
    routingKey: string
    subject: string | undefined
    bytes?: number
  },
  queue?: string,
): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  'messaging.destination.name': destinationOf(message, queue),
  'messaging.rabbitmq.destination.routing_key': message.routingKey,
  ...(message.id !== undefined && { 'messaging.message.id': message.id }),
  ...(message.subject !== undefined && { 'messaging.message.conversation_id': message.subject }),
  ...(message.bytes !== undefined && { 'messaging.message.body.size': message.bytes }),
})

/** `exchange:routing key:queue`, without unknown or empty parts. A producer names no queue. */
const destinationOf = ({ exchange, routingKey }: { exchange: string; routingKey: string }, queue = '') =>
  [exchange, routingKey, queue].filter((part, index, all) => part !== '' && all.indexOf(part) === index).join(':')
