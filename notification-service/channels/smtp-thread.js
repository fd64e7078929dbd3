// The thread that composes mails and talks to a mail server by nodemailer. smtp.ts defines its messages. Plain
// JavaScript, since no TypeScript loader works in a thread.
import { parentPort, workerData } from 'node:worker_threads'
import { createTransport } from 'nodemailer'
import { compose, NO_OTHER_BOUNDARY } from './compose.js'

const transport = createTransport(workerData)
/** @type {Map<number, AbortController>} */
const underWay = new Map()

/** @param {import('./smtp.ts').Asked} asked */
async function answer({ number, mail }) {
  const abort = new AbortController()
  underWay.set(number, abort)
  const { failure, response } = await send(mail, abort.signal).then(
    (sent) => ({ failure: undefined, response: String(sent.response ?? '') }),
    (error) => ({ failure: failureOf(error), response: '' }),
  )
  underWay.delete(number)
  /** @type {import('./smtp.ts').Answer} */
  const told = { number, failure, response }
  parentPort?.postMessage(told)
}

/**
 * @param {import('./compose.js').Mail} mail
 * @param {AbortSignal} signal
 */
async function send(mail, signal) {
  return transport.sendMail({ ...compose(mail), ...NO_OTHER_BOUNDARY, signal })
}

/**
 * An error's own fields are lost between threads.
 *
 * @param {import('./smtp.ts').SmtpFailure} error
 */
function failureOf({ message, code, originalCode, responseCode, response, command, timeoutType }) {
  return { message, code, originalCode, responseCode, response, command, timeoutType }
}

parentPort?.on('message', (/** @type {import('./smtp.ts').Asked | import('./smtp.ts').CalledOff} */ told) => {
  if ('mail' in told) answer(told)
  else underWay.get(told.number)?.abort()
})
