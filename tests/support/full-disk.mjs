// Loaded into a service before it starts: SQLite's own limit of pages makes its databases full, and lets them grow again.
import Sqlite from 'better-sqlite3'

/** @type {Set<Sqlite.Database>} */
const connections = new Set()
const { pragma } = Sqlite.prototype
Sqlite.prototype.pragma = function (...asked) {
  connections.add(this)
  return pragma.apply(this, asked)
}

const PAGES_MAX = 4_294_967_294

process.on('message', (/** @type {{ isDiskFull: boolean }} */ { isDiskFull }) => {
  for (const connection of connections) {
    // The payment provider's books lie on a disk of their own.
    if (!connection.name.endsWith('-service.db')) continue
    const pages = isDiskFull ? connection.pragma('page_count', { simple: true }) : PAGES_MAX
    connection.pragma(`max_page_count = ${pages}`)
  }
})
process.channel?.unref()
