// The next step of an operator for a failed message, in a sentence.
import { services } from '@orders/shared/contracts'
import type { Failure } from './store.ts'

const BYTES_AT_FAULT = new Set(['undecodable', 'not_a_cloudevent', 'invalid_data', 'too_large', 'too_many_conflicts'])
const UNKNOWN = new Set(['unknown_type', 'unknown_version'])
/** An outside system was tried until the patience was over. The service's own database and broker are none. */
const AWAY = /^(?!database|broker)\w+_(deferred|unavailable|busy|throttled)$/
/** An outside system refused this message for good. */
const REFUSED = /^(bad_address|country_not_served|private_address|\w+_refused)$/
/** The name of one of JavaScript's own errors. */
const BUG = /^[A-Z]\w*Error$/

type Looked = Pick<Failure, 'state' | 'code' | 'service'> & { sentBy: string; cameBackAs: string | undefined }

const OURS = new Set(services.map((name) => `${name}-service`))

export function nextStepFor({ state, code, service, sentBy, cameBackAs }: Looked): string {
  if (state === 'sending') return 'It is being sent again: look at its replay.'
  if (state === 'archived') return 'Nothing. If it was archived by mistake, send it again by its id.'
  if (state === 'sent_again')
    return cameBackAs === undefined ? 'Nothing: it has not failed again.' : `It failed again: look at ${cameBackAs}.`
  if (BYTES_AT_FAULT.has(code))
    return `The message itself is invalid${isForeign(sentBy) ? `: tell the owner of ${sentBy}, which sent it` : ''}. Change its body and send it again, or archive it.`
  if (UNKNOWN.has(code))
    return isForeign(sentBy)
      ? `${sentBy}, which sent it, is none of these services. Unless a newer version of ${service || 'its service'} expects such messages, archive it, and tell the owner of ${sentBy}.`
      : `Start a version of ${service || 'its service'} that knows its type, then send it again.`
  if (code === 'unrouted') return 'Start the service whose queue should receive it, then send it again.'
  if (code === 'broker_delivery_limit')
    return `No delivery of it was settled, as when its process dies: look at the log of ${service || 'its service'}, then send it again.`
  if (AWAY.test(code))
    return 'An outside system did not serve it, as the reason says. When it works again, send one message again, then the others of the same cause.'
  if (REFUSED.test(code))
    return 'An outside system refused it for good. Correct what the reason names, such as the address, and send it again; or archive it.'
  if (BUG.test(code))
    return `The code of ${service || 'its service'} failed: see the stack trace. Start a version without the fault, send one message again, then the others of the same cause.`
  return 'Fix the fault that the reason names. Send this message again first, then the others of the same cause.'
}

/** Whether a program has sent it that names itself and is none of these services. */
const isForeign = (sentBy: string) => sentBy !== '' && !OURS.has(sentBy)
