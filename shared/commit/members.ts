// The members of a group: what each reads is loaded for all of them, then each decides in its turn.

import type { Message } from '../contracts/definition/contract.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import type { Publication } from '../messaging/broker.ts'
import { type Cause, encode } from '../messaging/envelope.ts'
import type { Trace } from '../messaging/trace.ts'
import { asError } from '../runtime/errors.ts'
import type { Transaction } from '../storage/index.ts'
import { type Draft, type Known, lockKeyOf, type Ref } from '../storage/state.ts'
import { type Cells, UnnamedError } from './cells.ts'
import type { Work } from './work.ts'

/** What a member says, and how it is published. */
export interface Said {
  message: Message
  publication: Publication
}

export interface Member {
  /** What it names before anything is loaded. */
  first: readonly Ref[]
  /** What it owns of that: no other group has one of these meanwhile. */
  locks: readonly string[]
  reads(known: Known): readonly Ref[]
  /** Keeps its result for `resolve`, and returns what it says. */
  decide(draft: Draft): Said[]
  resolve(): void
  reject(error: Error): void
  /** Of what brought it. */
  trace: Trace
}

/** What to tell each once the group has committed. */
export type Verdicts = Map<Member, () => void>

/** Loads what all of them read; one that cannot say what it reads is refused, and the others go on. */
export async function loadAll(tx: Transaction, cells: Cells, group: Member[]): Promise<Verdicts> {
  const verdicts: Verdicts = new Map()
  const reads = (member: Member, known: Known) => {
    if (verdicts.has(member)) return []
    try {
      return member.reads(known)
    } catch (thrown) {
      const error = asError(thrown)
      verdicts.set(member, () => member.reject(error))
      return []
    }
  }
  await cells.load(
    tx,
    group.flatMap(({ first }) => first),
    (known) => group.flatMap((member) => reads(member, known)),
  )
  return verdicts
}

/** Lets each decide in turn, and notes what to tell it once the group has committed; gives what they say. */
export async function decideAll(tx: Transaction, cells: Cells, group: Member[], verdicts: Verdicts): Promise<Said[]> {
  const said: Said[] = []
  for (const member of group) {
    if (verdicts.has(member)) continue
    let failure = decide(cells, member, said)
    if (failure instanceof UnnamedError) {
      // What a member before it has changed may make it read more than it has named: it names that now.
      await cells.load(tx, [], member.reads)
      failure = decide(cells, member, said)
    }
    verdicts.set(member, failure ? member.reject.bind(undefined, failure) : member.resolve)
  }
  return said
}

/** Gives the member's own failure, which it is told after the commit of the others. */
function decide(cells: Cells, member: Member, said: Said[]): Error | undefined {
  try {
    said.push(...cells.decide((draft) => member.decide(draft)))
    return undefined
  } catch (thrown) {
    return asError(thrown)
  }
}

const NOTHING_KNOWN: Known = { get: () => undefined }

/** Who says what is said. */
export interface From {
  service: string
  registry: Registry
}

interface Settle<T> {
  resolve(result: T): void
  reject(error: Error): void
}

/** @throws what `reads` throws */
export function memberOf<T>(work: Work<T>, from: From, cause: Cause, settle: Settle<T>): Member {
  const first = work.reads(NOTHING_KNOWN)
  let decided: { result: T } | undefined
  return {
    first,
    locks: first.flatMap(({ state, key, isOwned }) => (isOwned ? [lockKeyOf(state, key)] : [])),
    reads: work.reads,
    decide(draft) {
      const { result, messages } = work.decide(draft)
      decided = { result }
      return messages.map((message) => ({
        message,
        publication: encode(from.registry, message, from.service, cause),
      }))
    },
    resolve() {
      if (decided) settle.resolve(decided.result)
    },
    reject: settle.reject,
    trace: cause,
  }
}

const noop = () => undefined
/** Brings nothing: for a group that only forgets what was confirmed. */
export const forgetting: Member = {
  first: [],
  locks: [],
  trace: {},
  reads: () => [],
  decide: () => [],
  resolve: noop,
  reject: noop,
}
