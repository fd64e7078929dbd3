// A mail server, asked from a thread of its own: composing a mail and the dialogue about it take more of a processor than all
// the rest that a mail costs the service, which goes on meanwhile.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Deferred, deferred } from '@orders/shared/runtime'
import type { Mail } from './compose.js'

/** What nodemailer says of a failure. */
export interface SmtpFailure {
  message: string
  code?: unknown
  originalCode?: unknown
  responseCode?: unknown
  response?: unknown
  command?: unknown
  timeoutType?: unknown
}

/** To the thread; the number is the call's. */
export interface Asked {
  number: number
  mail: Mail
}

export interface CalledOff {
  number: number
}

/** Without a failure the server has taken the mail, and said this. */
export interface Outcome {
  failure: SmtpFailure | undefined
  response: string
}

/** From the thread. */
export interface Answer extends Outcome {
  number: number
}

export interface MailThread {
  /** Resolves also with what went wrong, if anything did: without a `code` when nobody knows how far it came. */
  send(mail: Mail, signal: AbortSignal): Promise<Outcome>
  close(): void
}

const CLOSED: Outcome = { failure: { message: 'closed before the mail server answered' }, response: '' }
const hasEnded = ({ threadId }: Worker) => threadId < 0

/**
 * Takes what nodemailer's `createTransport` takes. A fault of the thread itself is nobody's to catch, and ends the process as
 * it would have done without a thread.
 */
export function openMailThread(options: object): MailThread {
  // Without what this process was told to load: that is the service's.
  const thread = new Worker(join(import.meta.dirname, 'smtp-thread.js'), { workerData: options, execArgv: [] })
  const calls = new Map<number, Deferred<Outcome>>()
  let last = 0

  thread.on('message', ({ number, failure, response }: Answer) => calls.get(number)?.resolve({ failure, response }))
  thread.once('exit', () => {
    for (const call of calls.values()) call.resolve(CLOSED)
  })

  return {
    async send(mail, signal) {
      if (hasEnded(thread)) return CLOSED
      const number = ++last
      const call = deferred<Outcome>()
      const callOff = () => thread.postMessage({ number } satisfies CalledOff)
      calls.set(number, call)
      thread.postMessage({ number, mail } satisfies Asked)
      if (signal.aborted) callOff()
      else signal.addEventListener('abort', callOff, { once: true })
      const outcome = await call.promise
      signal.removeEventListener('abort', callOff)
      calls.delete(number)
      return outcome
    },
    close: () => void thread.terminate(),
  }
}
