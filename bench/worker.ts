// A process beside the services that a benchmark talks to, and the queue whose mails it takes.
import { type Running, start, stop } from '../scripts/processes/child.ts'

export const EMAIL_QUEUE = 'notification.email.queue'

export interface Worker {
  running: Running
  /** What it says next. */
  heard<T = unknown>(): Promise<T>
  stop(): Promise<unknown>
}

export async function startWorker(file: string, ...args: string[]): Promise<Worker> {
  const running = await start(process.execPath, ['--import', 'tsx', `bench/${file}`, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const heard: unknown[] = []
  let wake: () => void = () => undefined
  running.onMessage((message) => {
    heard.push(message)
    wake()
  })
  return {
    running,
    async heard<T = unknown>(): Promise<T> {
      while (heard.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return heard.shift() as T
    },
    stop: () => stop(running, 5_000),
  }
}
