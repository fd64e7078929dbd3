// Watches the stock while the run goes on, over HTTP and in the database: the numbers that must never be negative.
import { setTimeout as delay } from 'node:timers/promises'
import { readStock } from './oracle/read.ts'
import type { Snapshot } from './oracle/snapshot.ts'
import type { World } from './world.ts'

const EVERY_MS = 700

export interface Observer {
  looks: Snapshot['stockLooks']
  stop(): Promise<void>
}

type Numbers = { sku: string; available: number; reserved: number; committed: number }

export function observeStock({ rows, system }: World): Observer {
  const looks: Snapshot['stockLooks'] = { count: 0, negative: [] }
  const stopped = new AbortController()

  function look(where: string, stock: Numbers[]): void {
    looks.count += 1
    for (const { sku, available, reserved, committed } of stock)
      if (Math.min(available, reserved, committed) < 0)
        looks.negative.push(`${sku}: ${available}, ${reserved}, ${committed} ${where}`)
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const overHttp = await fetch(`${system.url('inventory')}/stock`, { signal: AbortSignal.timeout(2_000) })
        .then((answer) => (answer.ok ? (answer.json() as Promise<{ stock: Numbers[] }>) : undefined))
        .catch(() => undefined)
      if (overHttp) look('over HTTP', overHttp.stock)
      const kept = await readStock(rows).catch(() => undefined)
      if (kept) look('in the database', kept)
      await delay(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    looks,
    async stop() {
      stopped.abort()
      await running
    },
  }
}
