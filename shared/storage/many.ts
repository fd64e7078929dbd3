// Handles many keys and many rows in one statement, in SQL that every driver understands.
import type { Sql, Value } from './database.ts'
import type { Sealable } from './sealable.ts'

/** Any number of rows is a sum of these sizes. So there are few different texts, and few statements to prepare. */
const SIZES = [64, 32, 16, 8, 4, 2, 1]

/**
 * Inserts all rows. `into` names table and columns, as in `facts (order_id, type)`. `then` may say what happens on a conflict,
 * and what to return of each row; the returned rows may be in any order. Rows of one call must not conflict with each other.
 */
export async function insert<R extends object>(
  tx: Pick<Sql, 'all' | 'run'>,
  into: string,
  rows: readonly (readonly (Value | Sealable)[])[],
  then = '',
): Promise<R[]> {
  const returns = /\breturning\b/.test(then)
  const answers = await Promise.all(
    inSizes(rows).map(async (part): Promise<R[]> => {
      const row = `(${part[0]?.map(() => '?').join(', ')})`
      const text = `insert into ${into} values ${part.map(() => row).join(', ')} ${then}`
      if (returns) return tx.all<R>(text, ...part.flat())
      await tx.run(text, ...part.flat())
      return []
    }),
  )
  return answers.flat()
}

/** A text that both databases can store: PostgreSQL accepts neither U+0000 nor half a surrogate pair. */
export const inText = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed()

function inSizes<T>(items: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < items.length; ) {
    const left = items.length - at
    const size = SIZES.find((one) => one <= left) ?? left
    parts.push(items.slice(at, at + size))
    at += size
  }
  return parts
}

/** Maps loaded rows by their key. */
export function byKey<Row, Loaded>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  loadedOf: (row: Row) => Loaded,
): Map<string, Loaded> {
  return new Map(rows.map((row) => [keyOf(row), loadedOf(row)]))
}
