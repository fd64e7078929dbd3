// How the oracle reads what is kept: rows by SQL from a database file or from PostgreSQL, by a connection of its own that
// cannot write.
import Sqlite from 'better-sqlite3'
import { Client, types } from 'pg'

/** `database` is the name of a service, or `payment-gateway`. Plain SQL that SQLite and PostgreSQL both know. */
export type Rows = <Row>(database: string, sql: string) => Promise<Row[]>

export function sqliteRows(pathOf: (database: string) => string): Rows {
  return async <Row>(database: string, sql: string) => {
    const connection = new Sqlite(pathOf(database), { readonly: true })
    try {
      // The cast is the decoding edge: the columns are named in the query.
      return connection.prepare(sql).all() as Row[]
    } finally {
      connection.close()
    }
  }
}

/** For each look a connection of its own, since the server may have gone and come back since the last one. */
export function postgresRows(urlOf: (database: string) => string): Rows {
  return async <Row>(database: string, sql: string) => {
    const client = new Client({
      connectionString: urlOf(database),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      options: '-c default_transaction_read_only=on',
      types: {
        getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)),
      },
    })
    // Cut off in the middle, the query says so.
    client.on('error', () => undefined)
    try {
      await client.connect()
      // The cast is the decoding edge, as above.
      return (await client.query(sql)).rows as Row[]
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

const CONNECT_TIMEOUT_MS = 5_000
