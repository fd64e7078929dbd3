// A process beside the services that a benchmark talks to.
import { type Running, start, stop } from '../scripts/processes/child.ts'

export interface Worker {
  running: Running
  /** What it says next. */
  heard<T = unknown>(): Promise<T>
  /** What it says when it is told this. */
  asked<T = unknown>(told: object): Promise<T>
  stop(): Promise<unknown>
}

/** @throws an Error from `heard` and `asked` when it has ended. */
export async function startWorker(file: string, ...args: string[]): Promise<Worker> {
  const running = await start(process.execPath, ['--import', 'tsx', `bench/${file}`, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const said: unknown[] = []
  let wake: () => void = () => undefined
  running.onMessage((message) => {
    said.push(message)
    wake()
  })
  running.exited.then(() => wake())

  async function heard<T = unknown>(): Promise<T> {
    while (said.length === 0) {
      if (running.hasExited()) throw new Error(`bench/${file} has ended`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return said.shift() as T
  }

  return {
    running,
    heard,
    asked<T = unknown>(told: object) {
      running.send(told)
      return heard<T>()
    },
    stop: () => stop(running, 5_000),
  }
}
