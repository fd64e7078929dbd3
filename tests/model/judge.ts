// From a choreography to a verdict: explored, made small, written as a model, checked.
import type { Choreography, Memory } from './choreography.ts'
import { type Explored, explore } from './explore.ts'
import { minimized, withoutIdleAnswers } from './minimize.ts'
import { type Model, modelOf } from './promela.ts'
import { impossibleIn, seenOf } from './promises.ts'
import { check, type Tools, type Verdict } from './spin.ts'
import { storyOf } from './story.ts'

export interface Judgement {
  explored: Explored
  model: Model
  verdict: Verdict
  /** Of a counterexample, or what can never happen; empty when there is nothing wrong. */
  story: string[]
  /** The promise that is not kept; undefined when all are. */
  broken?: string
}

/** Files are written to `folder`, which is there. */
export async function judge(
  choreography: Choreography,
  folder: string,
  tools: Tools,
  signal: AbortSignal,
): Promise<Judgement> {
  const explored = await explore(choreography)
  const small = minimized(withoutIdleAnswers(explored), (who, memory) => seenIn(explored, who, memory))
  const model = modelOf(small)
  const verdict = await check(model, folder, tools, signal)
  const { counterexample } = verdict
  const impossible = impossibleIn(explored)
  const found = { explored, model, verdict }
  if (!counterexample) return { ...found, story: impossible, ...(impossible[0] && { broken: impossible[0] }) }
  const promise = counterexample.broken === undefined ? undefined : model.promises[counterexample.broken]
  return { ...found, story: storyOf(small, model, counterexample), broken: promise?.text ?? 'something waits for ever' }
}

function seenIn({ nouns }: Explored, who: number, memory: Memory): string {
  return Object.values(seenOf[nouns[who] ?? ''] ?? {})
    .map((holds) => Number(holds(memory)))
    .join('')
}
