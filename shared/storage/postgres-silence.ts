// Detects a silent server. A host that falls silent closes no connection. Without a limit of our own, a statement would wait a
// quarter of an hour for its answer, and all work behind it too.
import type { Client } from 'pg'

/** The server has sent nothing for too long. */
export class SilentError extends Error {
  override name = 'SilentError'
}

export interface Watch {
  /** Settles as `asked` does. Rejects with SilentError if no answer comes. */
  answered<T>(asked: Promise<T>): Promise<T>
}

/**
 * Destroys the connection if it owes an answer and nothing has come for `answerMs`, unless `isAtWork` says that the server
 * works on it: a statement may take longer or wait for a lock. All unanswered statements on it are then rejected.
 */
export function watchOver(client: Client, answerMs: number, isAtWork: () => Promise<boolean>): Watch {
  const { stream } = client.connection
  let owed = 0
  let hasSpoken = false
  let timer: NodeJS.Timeout | undefined
  stream.on('data', () => {
    hasSpoken = true
  })

  function wait(): void {
    hasSpoken = false
    timer = setTimeout(look, answerMs)
  }

  async function look(): Promise<void> {
    const own = timer
    const isAlive = hasSpoken || (await isAtWork())
    // Everything was answered meanwhile.
    if (timer !== own) return
    // If this process itself stood still, it reads only now what arrived long ago.
    if (isAlive || hasSpoken) wait()
    else stream.destroy(new SilentError(`PostgreSQL has sent nothing for ${answerMs} ms and more`))
  }

  return {
    async answered(asked) {
      owed += 1
      if (owed === 1) wait()
      try {
        return await asked
      } finally {
        owed -= 1
        if (owed === 0) {
          clearTimeout(timer)
          timer = undefined
        }
      }
    },
  }
}
