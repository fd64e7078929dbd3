// Talks to a mail server in a thread of its own. Composing a mail and the SMTP dialogue take more CPU time than
// everything else that a mail costs the service. Meanwhile the service goes on.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Deferred, deferred } from '@orders/shared/runtime'
import type { Mail } from './compose.js'

/** nodemailer's description of a failure. */
export interface SmtpFailure {
  message: string
  code?: unknown
  originalCode?: unknown
  responseCode?: unknown
  response?: unknown
  command?: unknown
  timeoutType?: unknown
}

/** Sent to the thread. `number` identifies the call. */
export interface Asked {
  number: number
  mail: Mail
}

export interface CalledOff {
  number: number
}

/** Without a failure, the server accepted the mail with this response. */
export interface Outcome {
  failure: SmtpFailure | undefined
  response: string
}

/** Sent by the thread. */
export interface Answer extends Outcome {
  number: number
}

export interface MailThread {
  /** Resolves after a failure too. If the failure has no `code`, it is unknown how far the mail came. */
  send(mail: Mail, signal: AbortSignal): Promise<Outcome>
  close(): void
}

const CLOSED: Outcome = { failure: { message: 'closed before the mail server answered' }, response: '' }
const hasEnded = ({ threadId }: Worker) => threadId < 0

/**
 * Takes the options of nodemailer's `createTransport`. An error of the thread itself is not caught, so it ends the
 * process, as it would without a thread.
 */
export function openMailThread(options: object): MailThread {
  // Without this process's command-line options, such as preloaded modules: they are for the service.
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
