// Conditional requests: a request that replaces a whole document names the version that it read, so that no change made in
// between is undone (RFC 9110, section 13: If-Match, If-None-Match, ETag).
import { createHash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { RejectedError } from '../runtime/errors.ts'

/** The headers of such a route. */
export const Conditions = Type.Object({
  'if-match': Type.Optional(Type.String({ maxLength: 1_000, description: 'The `ETag` that you read' })),
  'if-none-match': Type.Optional(Type.Literal('*', { description: 'Only if it does not exist yet' })),
})
export type Conditions = Static<typeof Conditions>

/** A strong entity tag of a JSON document. The order of its fields does not matter. */
export function entityTagOf(document: unknown): string {
  const text = JSON.stringify(document, (_, value: unknown) => sorted(value))
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Whether the request names the version that it read. */
export function hasCondition(conditions: Conditions): boolean {
  return conditions['if-match'] !== undefined || conditions['if-none-match'] !== undefined
}

/**
 * `tag` is the tag of the current document, undefined if there is none. A weak tag matches nothing, as the RFC requires.
 *
 * @throws RejectedError 412 `precondition_failed`; `what` names the document for people
 */
export function demandUnchanged(conditions: Conditions, tag: string | undefined, what: string): void {
  const { 'if-match': wanted, 'if-none-match': none } = conditions
  const isThere = tag !== undefined
  const isWanted = (one: string) => wanted?.trim() === '*' || tagsIn(wanted ?? '').includes(one)
  const matches = wanted === undefined || (isThere && isWanted(tag))
  if (matches && !(none === '*' && isThere)) return
  throw new RejectedError(
    412,
    'precondition_failed',
    `${what} changed in the meantime: read the current version, then change that`,
  )
}

const tagsIn = (list: string): string[] => list.match(/(W\/)?"[^"]*"/g) ?? []

/**
 * For a document that others may have changed.
 *
 * @throws RejectedError 428 `precondition_required` (RFC 6585)
 */
export function demandCondition(conditions: Conditions, message: string): void {
  if (!hasCondition(conditions)) throw new RejectedError(428, 'precondition_required', message)
}
