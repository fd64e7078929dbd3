// How the oracle reads what is kept: rows by SQL from a database file, by a connection of its own that cannot write.
import Sqlite from 'better-sqlite3'

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
