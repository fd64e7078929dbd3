// Runs the model checker: spin writes a program in C from the model, tcc compiles it (in a tenth of a second),
// and the program visits every state.
//
// Once breadth first, so that a counterexample is the shortest there is; and, when that finds nothing, once for runs that go round for ever.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { start, stop } from '../../scripts/processes/child.ts'
import { requireProgram } from '../../scripts/programs.ts'
import { BROKEN, type Model, STEP } from './promela.ts'

export interface Tools {
  spin: string
  tcc: string
}

export interface Verdict {
  /** How many states of the whole were visited. */
  states: number
  counterexample?: Counterexample
}

export interface Counterexample {
  /** The number of the promise; undefined when nothing can happen any more, or the same for ever. */
  broken?: number
  /** The numbers of its steps. */
  steps: number[]
  isEndless: boolean
}

const DEPTH_MAX = 100_000

/** Missing, they are installed by apt-get as root on Debian or Ubuntu. */
export async function requireTools(say: (line: string) => void, signal: AbortSignal): Promise<Tools> {
  const needed = 'The model checker spin and the C compiler tcc are needed.'
  const spin = await requireProgram(
    { program: 'spin', package: 'spin', needed, macOS: 'brew install spin' },
    say,
    signal,
  )
  const tcc = await requireProgram({ program: 'tcc', package: 'tcc', needed, macOS: 'brew install tcc' }, say, signal)
  return { spin, tcc }
}

/** Checks the model in `folder`, which is there and keeps everything that is written. */
export async function check(
  { text }: Model,
  folder: string,
  { spin, tcc }: Tools,
  signal: AbortSignal,
): Promise<Verdict> {
  const run = (program: string, args: string[]) => output(program, args, folder, signal)
  await writeFile(join(folder, 'model.pml'), text)
  await run(spin, [`-P${tcc} -xc -E`, '-a', 'model.pml'])
  await run(tcc, ['-w', '-DBFS', '-DSAFETY', '-o', 'breadth-first', 'pan.c'])
  const ended = await run('./breadth-first', [`-m${DEPTH_MAX}`])
  if (errorsIn(ended) > 0) return { states: statesIn(ended), counterexample: await again('./breadth-first', false) }
  await run(tcc, ['-w', '-DNP', '-DNOFAIR', '-o', 'for-ever', 'pan.c'])
  const round = await run('./for-ever', ['-l', `-m${DEPTH_MAX}`])
  if (errorsIn(round) > 0) return { states: statesIn(ended), counterexample: await again('./for-ever', true) }
  return { states: statesIn(ended) }

  async function again(program: string, isEndless: boolean): Promise<Counterexample> {
    const lines = (await run(program, ['-r'])).split('\n')
    const numbers = (word: string) =>
      lines.flatMap((line) => {
        const found = new RegExp(`\\b${word} (\\d+)`).exec(line)
        return found ? [Number(found[1])] : []
      })
    const [broken] = numbers(BROKEN)
    return { steps: numbers(STEP), isEndless, ...(broken !== undefined && { broken }) }
  }
}

async function output(program: string, args: string[], cwd: string, signal: AbortSignal): Promise<string> {
  const running = await start(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk) => {
      text += chunk
    })
  const end = () => void stop(running, 1_000)
  signal.addEventListener('abort', end, { once: true })
  const { code } = await running.exited
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  if (code !== 0 && !/pan: |errors:/.test(text))
    throw new Error(`${program} ${args.join(' ')} failed in ${cwd}:\n${text.trim().slice(-2_000)}`)
  return text
}

function errorsIn(text: string): number {
  const found = /errors: (\d+)/.exec(text)
  if (!found) throw new Error(`the model could not be checked:\n${text.trim().slice(-2_000)}`)
  return Number(found[1])
}

const statesIn = (text: string) => Number(/(\d+) states, stored/.exec(text)?.[1] ?? 0)
