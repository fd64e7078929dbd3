// What an operator does next about a failed message, in a sentence.
import type { Failure } from './store.ts'

const BYTES_AT_FAULT = new Set(['undecodable', 'not_a_cloudevent', 'invalid_data', 'too_large', 'too_many_conflicts'])
const UNKNOWN = new Set(['unknown_type', 'unknown_version'])

type Looked = Pick<Failure, 'state' | 'code' | 'service'> & { cameBackAs: string | undefined }

export function nextStepFor({ state, code, service, cameBackAs }: Looked): string {
  if (state === 'sending') return 'It is being sent again: look at the resend that it names.'
  if (state === 'archived') return 'Nothing. Send it again by its id if it was archived by mistake.'
  if (state === 'sent_again')
    return cameBackAs === undefined ? 'Nothing: it has not come back.' : `It failed again: look at ${cameBackAs}.`
  if (BYTES_AT_FAULT.has(code)) return 'Its bytes are at fault: change its body and send it again, or archive it.'
  if (UNKNOWN.has(code)) return `Start a version of ${service || 'its service'} that knows it, then send it again.`
  if (code === 'unrouted') return 'Start the service whose queue wants it, then send it again.'
  if (code === 'broker_delivery_limit')
    return `Handling it ended its process: look at the log of ${service || 'its service'}, then send it again.`
  return 'Fix what the reason names, then send it again: one first, then the others of its cause.'
}
