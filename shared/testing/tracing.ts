// A caller that traces its requests, and the messages in its trace.
import type { Properties } from '../messaging/broker.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

/** The headers that such a caller sends. */
export const tracing = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, tracestate: 'vendor=t61rcWkgMzE' }

/** The types of the messages that are later steps of its trace and carry its state, in order. */
export function typesInTrace(messages: readonly { properties: Properties }[]): (string | undefined)[] {
  const step = new RegExp(`^00-${TRACE_ID}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`)
  return messages
    .filter(({ properties: { headers } }) => step.test(String(headers.traceparent)))
    .filter(({ properties: { headers } }) => headers.tracestate === tracing.tracestate)
    .map(({ properties: { type } }) => type)
}
