// Personal data as a statement's parameter: encrypted if its owner has a key, otherwise stored as it is.
import type { Value } from './database.ts'

export interface Sealable {
  /** The owner, whose key encrypts it; undefined if no owner is known. */
  readonly ownerId: string | undefined
  /** Stored if nothing is encrypted. */
  readonly plain: Value
  /** What is encrypted. Undefined if this column is not encrypted itself but changes with an encrypted column beside it. */
  readonly secret: string | undefined
  /** Stored as a keyed hash to find the row by; never read back. */
  readonly isHashed?: true
  /** Stored if the owner has a key and `secret` is undefined, or if the owner is forgotten. */
  readonly otherwise: Value
}

type Owner = string | null | undefined

/** A text that reads as an empty text once its owner is forgotten. Null stays null. */
export function sealable(ownerId: Owner, text: string | null | undefined): Sealable | null {
  if (text === null || text === undefined) return null
  return { ownerId: ownerId ?? undefined, plain: text, secret: text, otherwise: '' }
}

/**
 * One value in two columns. If the owner has a key, the first column holds `rest` and the second `secret`, encrypted. Otherwise
 * the first holds `whole` and the second `beside`.
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

/** The owner of the key for all hashes. */
export const INDEX = 'index'

/** Finds a row by a text that is encrypted elsewhere: stored as a keyed hash, or as null if there is no key for hashes. */
export function hashed(text: string | null | undefined): Sealable | null {
  if (text === null || text === undefined || text === '') return null
  return { ownerId: INDEX, plain: null, secret: text, otherwise: null, isHashed: true }
}

/** The owner for whom a row is encrypted; null if it is not encrypted. */
export function sealedFor(ownerId: Owner): Sealable | null {
  if (ownerId === null || ownerId === undefined) return null
  return { ownerId, plain: null, secret: undefined, otherwise: ownerId }
}

export const isSealable = (value: unknown): value is Sealable =>
  typeof value === 'object' && value !== null && 'ownerId' in value

/** The plain value. The drivers store this, since they know no keys. */
export const unsealed = <Other>(value: Sealable | Other): Value | Other => (isSealable(value) ? value.plain : value)
