// A payment provider that is broken on purpose: now and then it charges once more, under a key of its own making.
import { subscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import '../preload.mjs'

const CHARGE_AGAIN = `insert into charges (key, amount_cents, status, charge_id, calls, created_at)
  select key || '#2', amount_cents, status, charge_id || '#2', 1, created_at from charges
  where status = 'charged' and key not like '%#2' limit 1
  on conflict (key) do nothing`

subscribe('orders:asked', () => {
  if (process.env.CHAOS_SERVICE !== 'payment') return
  const books = new Sqlite(join(process.env.DATA_DIR ?? '', 'payment-gateway.db'))
  books.exec(CHARGE_AGAIN)
  books.close()
})
