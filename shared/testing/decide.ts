// Runs a handler or other work alone over a real database, without a broker and without a group commit.

import { createCells } from '../commit/cells.ts'
import type { Done, Work } from '../commit/work.ts'
import type { Context, Handler, Received } from '../messaging/index.ts'
import type { Database } from '../storage/index.ts'

/** In one transaction. The messages are returned and not published. */
export function decideAlone<T>(database: Database, work: Work<T>): Promise<Done<T>> {
  return database.transaction(async (tx) => {
    const cells = createCells()
    await cells.load(tx, [], work.reads)
    const done = cells.decide(work.decide)
    await cells.save(tx)
    return done
  })
}

/** Returns the messages that a handler returns for an event. */
export async function handleAlone(
  database: Database,
  handler: Handler | undefined,
  event: Received,
  { context, answer }: { context: Context; answer?: unknown },
) {
  if (!handler) throw new Error(`there is no handler for ${event.type}`)
  const { messages } = await decideAlone(database, {
    reads: (known) => handler.reads(event, known),
    decide: (draft) => ({ result: undefined, messages: handler.decide(event, draft, context, answer) }),
  })
  return messages
}
