// A tracing SDK for tests: keeps the spans that were created.

import { randomBytes } from 'node:crypto'
import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'

export interface RecordedSpan {
  name: string
  kind: string
  context: SpanContext
  parentId: string | undefined
  attributes: Attributes
  links: Link[]
  status: SpanStatus
  isEnded: boolean
}

/** Keeps all spans from now on. Call `stop` before another test traces. */
export function recordSpans(): { spans: RecordedSpan[]; stop(): void } {
  const spans: RecordedSpan[] = []

  function startSpan(
    name: string,
    { kind = SpanKind.INTERNAL, attributes = {}, links = [] }: SpanOptions = {},
    from?: Context,
  ): Span {
    const parent = from && trace.getSpanContext(from)
    const known = parent && isSpanContextValid(parent) ? parent : undefined
    const recorded: RecordedSpan = {
      ...{ name, kind: SpanKind[kind], parentId: known?.spanId, links: [...links], isEnded: false },
      attributes: { ...attributes },
      status: { code: SpanStatusCode.UNSET },
      context: {
        traceId: known?.traceId ?? randomBytes(16).toString('hex'),
        spanId: randomBytes(8).toString('hex'),
        traceFlags: TraceFlags.SAMPLED,
        ...(known?.traceState && { traceState: known.traceState }),
      },
    }
    spans.push(recorded)
    return spanOf(recorded)
  }

  const startActiveSpan = () => {
    throw new Error('nothing here makes a span active')
  }
  if (!trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan }) }))
    throw new Error('somebody traces already')
  return { spans, stop: () => trace.disable() }
}

function spanOf(recorded: RecordedSpan): Span {
  const span: Span = {
    spanContext: () => recorded.context,
    setAttribute: (name, value) => span.setAttributes({ [name]: value }),
    setAttributes(more) {
      Object.assign(recorded.attributes, more)
      return span
    },
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    setStatus(status) {
      recorded.status = status
      return span
    },
    updateName: () => span,
    end() {
      if (recorded.isEnded) throw new Error(`${recorded.name} has ended twice`)
      recorded.isEnded = true
    },
    isRecording: () => !recorded.isEnded,
    recordException: () => undefined,
  }
  return span
}
