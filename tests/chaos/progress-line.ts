// The progress of a run: one line kept up to date in a terminal, a line now and then elsewhere.
import type { Progress } from './chaos.ts'

export interface ProgressLine<State> {
  show(state: State): void
  /** Clears the line, so that what is printed next stands alone. */
  clear(): void
}

const ELSEWHERE_EVERY_MS = 5_000

export function createProgressLine<State extends { elapsedMs: number }>(
  output: NodeJS.WriteStream,
  textOf: (state: State) => string,
): ProgressLine<State> {
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    show(state) {
      const line = textOf(state)
      if (output.isTTY) output.write(`\r\u001b[2K${line.slice(0, output.columns - 1)}`)
      else if (state.elapsedMs - lastMs >= ELSEWHERE_EVERY_MS) {
        output.write(`${line}\n`)
        lastMs = state.elapsedMs
      }
    },
    clear() {
      if (output.isTTY) output.write('\r\u001b[2K')
    },
  }
}

export function lineOf({ phase, elapsedMs, accepted, ended, faults, broken, left }: Progress): string {
  const now = broken.length > 0 ? `  active: ${broken.join(', ')}` : ''
  const still = left.length > 0 ? `  left: ${left.join(', ')}` : ''
  return `${minutesOf(elapsedMs)} ${phase}  ${accepted} orders accepted, ${ended} ended  ${faults} faults${now}${still}`
}

/** `1:05` */
export function minutesOf(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
