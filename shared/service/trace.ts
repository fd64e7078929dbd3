// Where a request is a step of its caller's trace, what follows from it is too.

import { stepOf } from '../http/spans.ts'
import type { Cause } from '../messaging/index.ts'

/** The cause of what a request submits or asks: its W3C Trace Context, which is judged when a message is made of it. */
export function traceOf(request: { headers: Readonly<Record<string, unknown>> }): Cause {
  const { traceparent, tracestate } = request.headers
  return stepOf(request)?.trace ?? { traceparent, tracestate }
}
