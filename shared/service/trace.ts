// Continues a caller's trace in what follows from an HTTP request.

import { stepOf } from '../http/spans.ts'
import type { Cause } from '../messaging/index.ts'

/** The cause of what a request submits or asks: its W3C Trace Context, which is validated when a message is created. */
export function traceOf(request: { headers: Readonly<Record<string, unknown>> }): Cause {
  const { traceparent, tracestate } = request.headers
  return stepOf(request)?.trace ?? { traceparent, tracestate }
}
