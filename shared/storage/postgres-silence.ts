// A host that falls silent closes nothing: without a limit of our own, whoever waits for its answer waits for a quarter of an
// hour, and everybody behind it.
import type { Client } from 'pg'

/** Nothing came from the server for as long as anybody should wait. */
export class SilentError extends Error {
  override name = 'SilentError'
}

export interface Watch {
  /** Settles as `asked` does, and is rejected with a SilentError when its answer does not come. */
  answered<T>(asked: Promise<T>): Promise<T>
}

/**
 * Destroys the connection when it owes an answer and nothing has come for `answerMs`, unless `isAtWork` says that the server
 * works for it: a statement may take longer, or wait for a lock. All that was asked on it is rejected then.
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
    // All was answered meanwhile.
    if (timer !== own) return
    // A process that stood still itself hears only now what came long ago.
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
