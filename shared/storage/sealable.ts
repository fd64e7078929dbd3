// What tells about somebody, as a parameter of a statement: sealed where its owner has a key, otherwise stored as it is.
import type { Value } from './database.ts'

export interface Sealable {
  /** By whose key; undefined where nobody is known. */
  readonly ownerId: string | undefined
  /** What is stored where nothing is sealed. */
  readonly plain: Value
  /** What is sealed; undefined for what is not, but is another where something else beside it is. */
  readonly secret: string | undefined
  /** It is stored as a keyed hash, by which it is found, and never read. */
  readonly isHashed?: true
  /** What is stored where its owner has a key and this is not sealed, or where its owner is forgotten. */
  readonly otherwise: Value
}

type Owner = string | null | undefined

/** A text that is read as it was written, and as an empty one once its owner is forgotten. Null stays null. */
export function sealable(ownerId: Owner, text: string | null | undefined): Sealable | null {
  if (text === null || text === undefined) return null
  return { ownerId: ownerId ?? undefined, plain: text, secret: text, otherwise: '' }
}

/**
 * Two columns for one value: where its owner has a key, `rest` stands in the first and `secret` sealed in the second; otherwise
 * `whole` in the first, and `beside` in the second.
 */
export function apart(
  ownerId: Owner,
  { whole, beside = null, rest, secret }: { whole: string; beside?: string | null; rest: string; secret: string },
): [Sealable, Sealable] {
  const owner = ownerId ?? undefined
  return [
    { ownerId: owner, plain: whole, secret: undefined, otherwise: rest },
    { ownerId: owner, plain: beside, secret, otherwise: '' },
  ]
}

/** Whose key the hashes are made by that things are found by. */
export const INDEX = 'index'

/** A text by which its row is found, while the text itself is sealed elsewhere: a keyed hash; null where there is no key for it. */
export function hashed(text: string | null | undefined): Sealable | null {
  if (text === null || text === undefined || text === '') return null
  return { ownerId: INDEX, plain: null, secret: text, otherwise: null, isHashed: true }
}

/** Whom a row is sealed for; null where it is not. */
export function sealedFor(ownerId: Owner): Sealable | null {
  if (ownerId === null || ownerId === undefined) return null
  return { ownerId, plain: null, secret: undefined, otherwise: ownerId }
}

export const isSealable = (value: unknown): value is Sealable =>
  typeof value === 'object' && value !== null && 'ownerId' in value

/** As the drivers store it, who know no keys. */
export const unsealed = <Other>(value: Sealable | Other): Value | Other => (isSealable(value) ? value.plain : value)
