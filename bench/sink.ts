// The mail server that a benchmark talks to: what it can be told, and what it tells.
import { startWorker } from './worker.ts'

/** What it is told. */
export interface Told {
  /** No mail is answered until it is told to go on. */
  hold?: boolean
  /** How long it takes with each. */
  delayMs?: number
  tellArrivals?: boolean
}

export interface Arrival {
  messageId: string
  /** By the clock on the wall. */
  atMs: number
}

export interface Sink {
  url: string
  tell(told: Told): void
  /** All since this was asked last. */
  arrivals(): Promise<Arrival[]>
  /** Resolves when it has taken the next mail to an address that begins with `urgent`. */
  urgent(): Promise<unknown>
  stop(): Promise<unknown>
}

/** Keeps each mail in `folder`, or none at all. */
export async function openSink(folder?: string): Promise<Sink> {
  const worker = await startWorker('smtp-sink.ts', ...(folder === undefined ? [] : [folder]))
  const { url } = await worker.heard<{ url: string }>()
  return {
    url,
    tell: (told) => worker.running.send(told),
    arrivals: async () => (await worker.asked<{ arrivals: Arrival[] }>({ tellArrivals: true })).arrivals,
    urgent: () => worker.heard(),
    stop: () => worker.stop(),
  }
}

/** One that keeps nothing, for as long as `work` takes. */
export async function withSink<T>(work: (sink: Sink) => Promise<T>): Promise<T> {
  const sink = await openSink()
  try {
    return await work(sink)
  } finally {
    await sink.stop()
  }
}
