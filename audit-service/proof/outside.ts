// Copies checkpoints to places outside the database, so that whoever changes the log cannot change them too.
import { open } from 'node:fs/promises'
import { asError, errorCode, TransientError } from '@orders/shared/runtime'
import { newestIn } from './checkpoint.ts'
import type { Tree } from './checks.ts'
import type { Verifier } from './note.ts'

export interface Outside {
  /** The largest tree among the newest checkpoints of the files. */
  newest(): Promise<Tree | undefined>
  /**
   * Writes to each place that does not have this checkpoint yet.
   *
   * @throws the error of the first place that failed; the other places have it all the same
   */
  write(checkpoint: string): Promise<void>
}

interface Place {
  write(checkpoint: string): Promise<void>
  newest(): Promise<Tree | undefined>
}

const WEBHOOK_TIMEOUT_MS = 5_000
/** Some thirty checkpoints. */
const TAIL_BYTES = 8_192

/** `places` are file paths and URLs, separated by commas. */
export function outsideAt(places: string | undefined, verifier: Verifier): Outside {
  const named = (places ?? '').split(',').filter((place) => place !== '')
  const all = named.map((place) => (/^https?:\/\//.test(place) ? webhook(place) : file(place, verifier)))
  const written = new Map<Place, string>()
  return {
    async newest() {
      const trees = await Promise.all(all.map((place) => place.newest()))
      return trees.reduce((largest, tree) => (tree && tree.size > (largest?.size ?? -1) ? tree : largest), undefined)
    },
    async write(checkpoint) {
      const due = all.filter((place) => written.get(place) !== checkpoint)
      const outcomes = await Promise.allSettled(
        due.map(async (place) => {
          await place.write(checkpoint)
          written.set(place, checkpoint)
        }),
      )
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed) throw failed.reason
    },
  }
}

/**
 * Appends checkpoints, each followed by an empty line. A checkpoint is on disk when `write` resolves.
 *
 * Opens the file for each write, so that it may be moved away at any time. While `path` has no checkpoint, `newest` reads
 * `PATH.1`, the name that logrotate gives.
 */
function file(path: string, verifier: Verifier): Place {
  return {
    async write(checkpoint) {
      const handle = await open(path, 'a')
      try {
        await handle.appendFile(`${checkpoint}\n`)
        await handle.datasync()
      } finally {
        await handle.close()
      }
    },
    newest: async () => (await newestOf(path, verifier)) ?? newestOf(`${path}.1`, verifier),
  }
}

async function newestOf(path: string, verifier: Verifier): Promise<Tree | undefined> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (errorCode(asError(error)) === 'ENOENT') return undefined
    throw error
  })
  if (!handle) return undefined
  try {
    const { size } = await handle.stat()
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES))
    await handle.read(tail, 0, tail.length, size - tail.length)
    return newestIn(tail.toString(), verifier)
  } finally {
    await handle.close()
  }
}

function webhook(url: string): Place {
  return {
    async write(checkpoint) {
      const { ok, status } = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: checkpoint,
        signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
      })
      if (!ok) throw new TransientError('checkpoint_refused', `the webhook for checkpoints answered ${status}`)
    },
    newest: async () => undefined,
  }
}
