// Loads what the members of a group read, then lets each decide in turn.

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

/** A message of a member, and its publication. */
export interface Said {
  message: Message
  publication: Publication
}

export interface Member {
  /** The keys that the member names before anything is loaded. */
  first: readonly Ref[]
  /** The keys among them that it owns. No other group runs with one of these. */
  locks: readonly string[]
  reads(known: Known): readonly Ref[]
  /** Keeps the result for `resolve` and returns the messages. */
  decide(draft: Draft): Said[]
  resolve(): void
  reject(error: Error): void
  /** The trace of the message or request that brought the work. */
  trace: Trace
}

/** What to call for each member after the group has committed. */
export type Verdicts = Map<Member, () => void>

/** Loads what all members read. If a member's `reads` throws, this member is rejected and the others go on. */
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

/** Lets each member decide in turn and notes what to call for it after the commit. Returns the messages of all. */
export async function decideAll(tx: Transaction, cells: Cells, group: Member[], verdicts: Verdicts): Promise<Said[]> {
  const said: Said[] = []
  for (const member of group) {
    if (verdicts.has(member)) continue
    let failure = decide(cells, member, said)
    if (failure instanceof UnnamedError) {
      // An earlier member's change may make this one read keys that it did not name before. It names them now.
      await cells.load(tx, [], member.reads)
      failure = decide(cells, member, said)
    }
    verdicts.set(member, failure ? member.reject.bind(undefined, failure) : member.resolve)
  }
  return said
}

/** Returns the member's own error. The member is rejected after the others have committed. */
function decide(cells: Cells, member: Member, said: Said[]): Error | undefined {
  try {
    said.push(...cells.decide((draft) => member.decide(draft)))
    return undefined
  } catch (thrown) {
    return asError(thrown)
  }
}

const NOTHING_KNOWN: Known = { get: () => undefined }

/** The publisher of the messages. */
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
/** A member without work, for a group that only deletes confirmed rows. */
export const forgetting: Member = {
  first: [],
  locks: [],
  trace: {},
  reads: () => [],
  decide: () => [],
  resolve: noop,
  reject: noop,
}
