// The questions that an RPC queue serves. The server and the rehearsal understand a delivery by the same functions.
import type { Work } from '../commit/work.ts'
import type { RpcContract } from '../contracts/definition/contract.ts'
import type { Cause } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { PermanentError } from '../runtime/errors.ts'

/** Decides one type of question in the group commit. To refuse, `work` throws RejectedError; then nothing is changed. */
export interface Answerer {
  type: string
  contract: RpcContract
  work(request: unknown, now: string): Work<unknown>
}

/** `answers(Contract, work)`: ties `work` to its contract, so that request and reply have the contract's shapes. */
export function answers<Q, R>(contract: RpcContract<Q, R>, work: (request: Q, now: string) => Work<R>): Answerer {
  // Decoding edge: the server calls `work` only with data that the contract's schema accepted.
  return { type: contract.type, contract, work } as Answerer
}

/** Answers one type of question without the group commit, usually by a read. To refuse, `reply` throws RejectedError. */
export interface Replier {
  type: string
  contract: RpcContract
  reply(request: unknown, cause: Cause): Promise<unknown>
}

/** `replies(Contract, reply)`: like `answers`, for a reply that needs no group commit or makes its own. */
export function replies<Q, R>(contract: RpcContract<Q, R>, reply: (request: Q, cause: Cause) => Promise<R>): Replier {
  // Decoding edge, as in `answers`.
  return { type: contract.type, contract, reply } as Replier
}

interface Question<By> {
  answerer: By
  request: unknown
}

/** Returns a function that finds a question's answerer and decodes its request. Each error that it throws is the question's own fault. */
export function createQuestions<By extends Answerer | Replier>(answerers: readonly By[], bodyMaxBytes: number) {
  const byType = new Map(answerers.map((answerer) => [answerer.type, answerer]))
  /** @throws PermanentError `too_large`, `unknown_type`, `undecodable` or `invalid_data` */
  return ({ body, properties }: Pick<Arrived, 'body' | 'properties'>): Question<By> => {
    if (body.length > bodyMaxBytes) throw new PermanentError('too_large', `a body of ${body.length} bytes`)
    const answerer = byType.get(properties.type ?? '')
    if (!answerer) throw new PermanentError('unknown_type', `this queue serves no requests of type ${properties.type}`)
    const request = parse(body)
    if (!answerer.contract.request().Check(request))
      throw new PermanentError('invalid_data', `not a valid ${properties.type} request`)
    return { answerer, request }
  }
}

/** The time at which the asker stopped waiting, if that is over. */
export function deadlineBefore(now: Date, { properties: { headers } }: Pick<Arrived, 'properties'>): Date | undefined {
  return typeof headers.deadline === 'number' && headers.deadline < now.getTime()
    ? new Date(headers.deadline)
    : undefined
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new PermanentError('undecodable', 'the body is not JSON', { cause: error })
  }
}
