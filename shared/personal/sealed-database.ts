// Wraps a service's database so that personal data is encrypted in it. A `sealable` parameter is stored encrypted. Encrypted
// values are read back decrypted, or as an empty text once their owner is forgotten.
import { type Database, isSealable, type Parameter, type Reader, type Sql } from '../storage/index.ts'
import { keyIdAtStartOf } from './cipher.ts'
import type { Packing } from './packed.ts'
import { createRecentCipher } from './recent-cipher.ts'
import type { Vault } from './vault.ts'

/**
 * The same place for all tables, since a migration may move a row to another table. So a text is bound only to its owner's key.
 */
const PLACE = 'row'
/**
 * What some ten thousand orders under way have, since a row that is not found in the cache costs decryption each time it is read.
 */
const GENERATION_CHARS = 16_777_216
const SAID_AGAIN_MAX = 200

export function sealedDatabase(database: Database, vault: Vault, packing: Packing): Database {
  const rows = sealingRows(vault, packing)
  const outside = sealedSql(database, rows)
  return {
    ...database,
    ...outside,
    run: (sql, ...values) => database.transaction((tx) => sealedSql(tx, rows).run(sql, ...values)),
    transaction: (work) => database.transaction((tx) => work({ ...sealedSql(tx, rows), lock: tx.lock })),
  }
}

type Rows = ReturnType<typeof sealingRows>

function sealingRows(vault: Vault, packing: Packing) {
  const cipher = createRecentCipher({ packing, generationChars: GENERATION_CHARS, saidAgainMax: SAID_AGAIN_MAX })
  return {
    vault,
    sealed(value: Parameter): Parameter {
      if (!isSealable(value) || value.ownerId === undefined) return value
      const { secret, otherwise, isHashed } = value
      const key = vault.sealingFor(value.ownerId)
      if (!key) return value
      if (isHashed && key !== 'forgotten') return cipher.hash(key, secret ?? '')
      return key === 'forgotten' || secret === undefined ? otherwise : cipher.seal(key, PLACE, secret)
    },
    /** A text without a known key only looks encrypted and is returned as it is. A text of a forgotten owner is empty. */
    opened(text: string, keyId: string): string {
      const secrets = vault.secrets(keyId)
      if (secrets === 'forgotten') return ''
      return (secrets && cipher.open({ keyId, secrets }, PLACE, text)) ?? text
    },
  }
}

function sealedSql(sql: Sql, rows: Rows): Sql {
  const { vault } = rows
  const statement = <T>(run: (values: Parameter[]) => Promise<T>, values: Parameter[]): Promise<T> => {
    const owners = vault.isSealing ? values.flatMap((value) => (isSealable(value) ? (value.ownerId ?? []) : [])) : []
    if (owners.length === 0) return run(values)
    const fetched = vault.fetchFor(sql, owners)
    const sealedRun = () => run(values.map(rows.sealed))
    // Runs at once if all keys are in memory, since on PostgreSQL statements of one turn share a round trip.
    return fetched ? fetched.then(sealedRun) : sealedRun()
  }
  return {
    all: async <R extends object>(text: string, ...values: Parameter[]) =>
      opened(sql, rows, await statement((all) => sql.all<R>(text, ...all), values)),
    async get<R extends object>(text: string, ...values: Parameter[]) {
      const row = await statement((all) => sql.get<R>(text, ...all), values)
      return row && (await opened(sql, rows, [row]))[0]
    },
    run: (text, ...values) => statement((all) => sql.run(text, ...all), values),
  }
}

/** In place: the rows are the driver's own copies. */
async function opened<R extends object>(sql: Reader, { vault, opened: open }: Rows, rows: R[]): Promise<R[]> {
  const sealed: { row: Record<string, unknown>; name: string; text: string; keyId: string }[] = []
  const keyIds = new Set<string>()
  for (const row of rows as Record<string, unknown>[])
    for (const name in row) {
      const text = row[name]
      const keyId = typeof text === 'string' ? keyIdAtStartOf(text) : undefined
      if (typeof text !== 'string' || keyId === undefined) continue
      sealed.push({ row, name, text, keyId })
      keyIds.add(keyId)
    }
  if (sealed.length === 0) return rows
  await vault.fetch(sql, [...keyIds])
  for (const { row, name, text, keyId } of sealed) row[name] = open(text, keyId)
  return rows
}
