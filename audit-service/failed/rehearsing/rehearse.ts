// Asks the service that gave up a message what would happen to it now.
import { topology } from '@orders/shared/contracts'
import { ask, type Broker, operationsOf, type Rehearsal } from '@orders/shared/messaging'
import { asError, RejectedError } from '@orders/shared/runtime'
import type { Failure } from '../store.ts'

/** A rehearsal loads and decides, and makes no outside call. */
const ANSWER_MS = 5_000

/** The service's answer, or that it does not answer; with a sentence about it. */
export interface Rehearsed extends Omit<Rehearsal, 'outcome'> {
  service: string
  outcome: Rehearsal['outcome'] | 'not_answering'
  sentence: string
}

type Rehearsable = Pick<Failure, 'home' | 'exchange' | 'routingKey' | 'body' | 'properties'>

const owners = new Map(topology.queues.map(({ name, owner }) => [name, owner]))

/** @throws RejectedError 409 `not_rehearsed` if no service could handle the message, or the service's version cannot rehearse */
export async function rehearse(
  broker: Broker,
  { home, exchange, routingKey, body, properties }: Rehearsable,
  trace: Parameters<typeof ask>[4],
): Promise<Rehearsed> {
  const service = home === null ? undefined : owners.get(home)
  if (home === null || service === undefined)
    throw notRehearsed('no queue received this message, so no service can rehearse it')
  const asked = { queue: home, exchange, routingKey, body: body.toString('base64'), properties }
  const answer = await ask(broker, operationsOf(service).rehearse, asked, ANSWER_MS, trace).catch((thrown: unknown) =>
    unanswered(asError(thrown), service),
  )
  return { ...answer, service, sentence: sentenceOf(answer, service) }
}

function unanswered(error: Error, service: string): Omit<Rehearsed, 'service' | 'sentence'> {
  if (!(error instanceof RejectedError)) throw error
  const { code, status, message } = error
  if (code === 'unknown_type') throw notRehearsed(`this version of ${service} cannot rehearse: ${message}`)
  if (status < 503) throw error
  const told = { code, message, stack: '' }
  return { outcome: 'not_answering', says: [], changes: [], open: null, error: told }
}

function sentenceOf({ outcome, says, changes, open, error }: Omit<Rehearsed, 'service' | 'sentence'>, service: string) {
  switch (outcome) {
    case 'not_answering':
      return `${service} does not answer: start it, then rehearse again.`
    case 'fails':
      return `It would fail again, with ${error?.code}: ${error?.message}`
    case 'open':
      return `${service} would call ${open}. A rehearsal makes no outside calls, so the outcome is unknown: send one message again to see it.`
    case 'decided':
      return error ? `It would have no effect: ${error.message}.` : decidedIn(says, changes)
  }
}

function decidedIn(says: Rehearsal['says'], changes: Rehearsal['changes']): string {
  if (says.length + changes.length === 0)
    return 'It would be handled without effect: the service knows everything in it already.'
  const said = says.length === 0 ? 'publish nothing' : `publish ${listed(says.map(({ id }) => id))}`
  const changed =
    changes.length === 0 ? 'change nothing' : `change ${listed(changes.map((one) => `${one.key} of ${one.state}`))}`
  return `It would ${said}, and ${changed}.`
}

const SHOWN = 5
function listed(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''
  return names.slice(0, SHOWN).join(', ') + more
}

const notRehearsed = (why: string) => new RejectedError(409, 'not_rehearsed', why)
