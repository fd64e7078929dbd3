// The steps of npm test and npm run check: each a command of node_modules, run to its end and judged by its exit code.
import { join } from 'node:path'
import { type Running, start, stop } from '../processes/child.ts'
import { type Tally, tallyOf } from './tally-reporter.ts'

export interface StepResult {
  name: string
  passed: boolean
  /** Empty when it was shown while the step ran. */
  output: string
}

export interface Step {
  name: string
  /** A program of node_modules/.bin. */
  program: string
  args: string[]
}

/** Only what has changed since the last time is checked anew. */
const checkedBefore = join('node_modules', '.cache', 'types.tsbuildinfo')
export const typesStep: Step = {
  name: 'types',
  program: 'tsc',
  args: ['--noEmit', '--incremental', '--tsBuildInfoFile', checkedBefore],
}
/** The console runs in a browser and is checked against its library, not Node's. */
export const consoleTypesStep: Step = { name: 'console types', program: 'tsc', args: ['-p', 'audit-service/console'] }
export const styleStep: Step = {
  name: 'lint and format',
  program: 'biome',
  args: ['check', '--error-on-warnings', '.'],
}

/** Runs a step quietly; its output is part of the result. */
export async function runQuietly(step: Step, signal: AbortSignal): Promise<StepResult> {
  const running = await start(process.execPath, [programPath(step.program), ...step.args], {
    // The programs see a pipe, but what they say ends up where we print.
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [running.stdout, running.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
    })
  }
  const { code } = await untilEnd(running, signal)
  return { name: step.name, passed: code === 0, output }
}

/** Runs Vitest in the open and gives its counts, or nothing if it ended before it had any. */
export async function runVitest(
  args: string[],
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ tally?: Tally; passed: boolean }> {
  const reporters = ['--reporter=default', '--reporter=./scripts/testing/tally-reporter.ts']
  const running = await start(process.execPath, [programPath('vitest'), 'run', ...reporters, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let tally: Tally | undefined
  running.onMessage((message) => {
    tally = tallyOf(message) ?? tally
  })
  const { code } = await untilEnd(running, signal)
  return { tally, passed: code === 0 }
}

async function untilEnd(running: Running, signal: AbortSignal): Promise<{ code: number | null }> {
  const end = () => void stop(running, 5000)
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  const exit = await running.exited
  signal.removeEventListener('abort', end)
  return exit
}

function programPath(program: string): string {
  const paths: Record<string, string> = {
    tsc: 'typescript/bin/tsc',
    biome: '@biomejs/biome/bin/biome',
    vitest: 'vitest/vitest.mjs',
  }
  return join('node_modules', paths[program] ?? program)
}
