// States of a service that nobody can tell apart are one: they say the same, change the same way, and look the same to what is promised.
// (Moore, "Gedanken-experiments on sequential machines": partition refinement.)
import type { Memory } from './choreography.ts'
import type { Explored, Outcome, Rule } from './explore.ts'

/** `isSeen`: what can be seen of a service in a state. */
export function minimized(explored: Explored, isSeen: (who: number, memory: Memory) => string): Explored {
  const merged = explored.states.map((states, who) => mergedOf(states, who, explored.rules, isSeen))
  const rules = explored.rules.map((rule): Rule => {
    const blockOf = merged[rule.who] ?? []
    const outcomes = [...rule.outcomes].map(([key, found]): [string, Outcome[]] => [
      keyIn(key, blockOf),
      found.map((one) => ({ ...one, state: blockOf[one.state] ?? one.state })),
    ])
    return { ...rule, outcomes: new Map(outcomes) }
  })
  const states = explored.states.map((all, who) => {
    const blockOf = merged[who] ?? []
    const count = Math.max(...blockOf) + 1
    return Array.from({ length: count }, (_, block) => all[blockOf.indexOf(block)] ?? {})
  })
  return { ...explored, states, rules }
}

/** By state, the number of its block; the first state is in block 0. */
function mergedOf(
  states: readonly Memory[],
  who: number,
  rules: readonly Rule[],
  isSeen: (who: number, memory: Memory) => string,
) {
  const own = rules.filter((rule) => rule.who === who)
  const tried = states.map((_, state) =>
    own.flatMap((rule, index) =>
      [...rule.outcomes].flatMap(([key, outcomes]) =>
        stateOf(key) === state ? [{ index, key: key.split(',')[1], outcomes }] : [],
      ),
    ),
  )
  let blockOf = numbered(states.map((memory) => isSeen(who, memory)))
  for (;;) {
    const known = blockOf
    const refined = numbered(
      states.map((_, state) => {
        const futures = (tried[state] ?? []).map(({ index, key, outcomes }) => [
          index,
          key,
          outcomes.map((one) => [known[one.state], one.books, one.says, one.fault]),
        ])
        return JSON.stringify([known[state], futures])
      }),
    )
    if (Math.max(...refined) === Math.max(...known)) return refined
    blockOf = refined
  }
}

function numbered(texts: readonly string[]): number[] {
  const numbers = new Map<string, number>()
  return texts.map((text) => {
    const number = numbers.get(text) ?? numbers.size
    numbers.set(text, number)
    return number
  })
}

const stateOf = (key: string) => Number(key.split(',')[0])

function keyIn(key: string, blockOf: readonly number[]): string {
  const [, ...books] = key.split(',')
  return [blockOf[stateOf(key)], ...books].join()
}

/** An answer that changes nothing, whenever it is heard, need not be remembered: its question settles the message. */
export function withoutIdleAnswers(explored: Explored): Explored {
  const isIdle = ({ kind, outcomes }: Rule) =>
    kind === 'decide' &&
    [...outcomes].every(([state, found]) =>
      found.every((one) => one.state === Number(state) && one.says.length === 0 && one.fault === undefined),
    )
  const idle = new Map(explored.rules.filter(isIdle).map(({ needs, settles }) => [needs, settles]))
  const shortened = (one: Outcome): Outcome => {
    const [answer] = one.says
    const settles = answer === undefined ? undefined : idle.get(answer)
    return settles ? { ...one, says: [], settles } : one
  }
  const rules = explored.rules
    .filter((rule) => !isIdle(rule))
    .map((rule) =>
      rule.kind !== 'ask'
        ? rule
        : { ...rule, outcomes: new Map([...rule.outcomes].map(([key, found]) => [key, found.map(shortened)])) },
    )
  return { ...explored, rules }
}
