// A counterexample as the story of an order: who does what, message by message, and which promise is broken at its end.
import type { Explored, Outcome, Rule } from './explore.ts'
import type { Model } from './promela.ts'
import type { Counterexample } from './spin.ts'

export function storyOf(explored: Explored, { steps, promises }: Model, found: Counterexample): string[] {
  const told = found.steps.flatMap((number, at) => {
    const step = steps[number]
    return step ? [`${String(at + 1).padStart(4)}  ${sentenceOf(explored, step)}`] : []
  })
  const broken = found.broken === undefined ? undefined : promises[found.broken]
  const stuck = found.isEndless ? 'and so on for ever' : 'nothing more can happen, but something still waits'
  return [...told, `      ${broken ? `broken: ${broken.text}` : stuck}`]
}

function sentenceOf({ signals }: Explored, { rule, outcome }: { rule: Rule; outcome?: Outcome }): string {
  if (rule.kind === 'unheard') return `${rule.name}: a dead letter`
  if (outcome?.fault !== undefined) return `${rule.name} and fails: ${outcome.fault}`
  if (rule.kind === 'ask') return `${rule.name}: ${answerOf(signals, outcome)}`
  const says = (outcome?.says ?? []).map((number) => signals[number]?.text)
  if (says.length > 0) return `${rule.name} → ${says.join(', ')}`
  return outcome ? rule.name : `${rule.name}, without effect`
}

function answerOf(signals: Explored['signals'], outcome: Outcome | undefined): string {
  const [answer] = outcome?.says ?? []
  if (answer !== undefined) return `the answer is ${signals[answer]?.text.split(': ').at(-1)}`
  return outcome?.settles ? 'no call is needed' : 'the call takes effect, but its answer is lost'
}
