// The model as Promela, the language of the model checker spin: one process that does whatever may happen next, as the exploration of
// the services found it; and what is promised, as states that must not be reached.
import { commands, events } from '@orders/shared/contracts'
import type { Explored, Outcome, Rule } from './explore.ts'
import { AT_THE_END, alwaysIn, type Promised, saidOf, seenInBooks, seenOf } from './promises.ts'

/** What a counterexample prints when it is run again, each with a number. */
export const STEP = 'step'
export const BROKEN = 'broken'

export interface Model {
  text: string
  /** By the number that a step prints. */
  steps: { rule: Rule; outcome?: Outcome }[]
  /** By the number that a broken promise prints. */
  promises: Promised[]
}

export function modelOf(explored: Explored): Model {
  const { nouns, rules, signals } = explored
  const settled = settledIn(rules)
  const always = alwaysIn(explored)
  const promises = [...always, ...AT_THE_END]
  const steps: Model['steps'] = []
  const numbered = (rule: Rule, { guards, effects, outcome }: Step) => {
    const number = steps.push({ rule, ...(outcome && { outcome }) }) - 1
    return `  :: d_step { ${guards.join(' && ')} -> ${effects.join('; ')}; printf("${STEP} ${number}\\n") }`
  }
  const broken = ({ holds }: Promised, number: number, guard = '') =>
    `  :: d_step { ${guard}!(${holds}) -> printf("${BROKEN} ${number}\\n"); assert(false) }`
  const lines = [
    `/* Written by npm run model from the handlers of ${nouns.join(', ')}. */`,
    ...nouns.map((noun) => `short ${noun} = 0;`),
    'short outside = 0;',
    'bit given_up = 0;',
    '/* what was said, or answered by the outside */',
    ...signals.map(({ text }, at) => `bit s${at}; /* ${text} */`),
    '/* which message is settled in which queue */',
    ...[...settled].map(([key, at]) => `bit h${at}; /* ${key} */`),
    ...propositionsOf(explored),
    `#define quiet (${quietIn(explored, settled)})`,
    'active proctype choreography() {',
    '  do',
    ...rules.flatMap((rule) => stepsOf(rule, explored, settled).map((step) => numbered(rule, step))),
    ...always.map((one, number) => broken(one, number)),
    ...AT_THE_END.map((one, at) => broken(one, always.length + at, 'quiet && ')),
    '  :: quiet -> break',
    '  od',
    '}',
  ]
  return { steps, promises, text: `${lines.join('\n')}\n` }
}

interface Step {
  guards: string[]
  effects: string[]
  outcome?: Outcome
}

/** One for each state in which something comes of it, and one for all those in which nothing does. */
function stepsOf(rule: Rule, explored: Explored, settled: ReadonlyMap<string, number>): Step[] {
  const noun = explored.nouns[rule.who] ?? ''
  const markOf = (settles: Rule['settles']) => settles && `h${settled.get(keyOf(settles))}`
  const mark = markOf(rule.settles)
  const there = rule.needs === undefined ? [] : [`s${rule.needs}`]
  const settles = mark ? [`${mark} = 1`] : []
  if (rule.kind === 'unheard') return [{ guards: [...there, `!${mark}`], effects: [...settles, 'given_up = 1'] }]
  const steps: Step[] = []
  const idle = new Set<string>()
  for (const [key, outcomes] of rule.outcomes) {
    const [state = '', books] = key.split(',')
    const guards = [...there, `${noun} == ${state}`, ...(books === undefined ? [] : [`outside == ${books}`])]
    for (const outcome of outcomes) {
      const mark = markOf(rule.settles ?? outcome.settles)
      const settles = mark ? [`${mark} = 1`] : []
      const moves = [
        ...(outcome.state === Number(state) ? [] : [`${noun} = ${outcome.state}`]),
        ...(books === undefined || outcome.books === Number(books) ? [] : [`outside = ${outcome.books}`]),
        ...(outcome.fault === undefined ? [] : ['given_up = 1']),
      ]
      const effects = [...moves, ...outcome.says.map((number) => `s${number} = 1`), ...settles]
      // Again, it only counts when something comes of it.
      const news = [...(mark ? [`!${mark}`] : []), ...outcome.says.map((number) => `!s${number}`)].join(' || ')
      if (moves.length > 0) steps.push({ guards, effects, outcome })
      else if (outcome.says.length > 0 || outcome.settles)
        steps.push({ guards: [...guards, `(${news})`], effects, outcome })
      else if (mark) idle.add(`${noun} == ${state}`)
    }
  }
  if (mark && idle.size > 0)
    steps.push({ guards: [...there, `!${mark}`, `(${[...idle].join(' || ')})`], effects: settles })
  return steps
}

/** A number for each message and queue that it is settled in. */
function settledIn(rules: readonly Rule[]): Map<string, number> {
  const keys = new Set(
    rules.flatMap(({ settles, outcomes }) =>
      [settles, ...[...outcomes.values()].flat().map((one) => one.settles)].flatMap((one) => (one ? [keyOf(one)] : [])),
    ),
  )
  return new Map([...keys].map((key, at) => [key, at]))
}

const keyOf = ({ message, queue }: { message: number; queue: string }) => `s${message} in ${queue}`

/** A table in C for each proposition about a service, or about the books of the outside: by the number of the state, whether it holds. */
function propositionsOf({ nouns, states, books, signals }: Explored): string[] {
  const tables: string[] = []
  const table = <Of>(variable: string, seen: Readonly<Record<string, (one: Of) => boolean>>, all: readonly Of[]) =>
    Object.entries(seen).map(([name, holds]) => {
      tables.push(
        `static const char ${variable}_${name}_in[] = { ${all.map((one) => Number(holds(one))).join(', ')} };`,
      )
      return `#define ${variable}_${name} c_expr { ${variable}_${name}_in[now.${variable}] }`
    })
  const defined = [
    ...nouns.flatMap((noun, who) => table(noun, seenOf[noun] ?? {}, states[who] ?? [])),
    ...table('outside', seenInBooks, books),
    ...[...events.keys(), ...commands.keys()].map((type) => {
      const variants = signals.flatMap(({ kind, message }, at) =>
        kind === 'message' && message.type === type ? [`s${at}`] : [],
      )
      return `#define ${saidOf(type)} ${variants.length === 0 ? 'false' : `(${variants.join(' || ')})`}`
    }),
  ]
  return ['c_decl {', ...tables, '}', ...defined]
}

/**
 * Nothing is under way: whatever was said is settled everywhere. A timer either comes back, or no look finds it overdue: each of the
 * two must do without the other.
 */
function quietIn({ nouns, rules, signals }: Explored, settled: ReadonlyMap<string, number>): string {
  const waits = [...settled].map(([key, at]) => {
    const message = Number(/^s(\d+)/.exec(key)?.[1])
    return { isTimer: signals[message]?.isTimer === true, done: `(!s${message} || h${at})` }
  })
  const overdue = rules.flatMap(({ kind, who, outcomes }) =>
    kind !== 'look'
      ? []
      : [...outcomes].flatMap(([state, found]) =>
          found.some((one) => one.state !== Number(state)) ? [`${nouns[who]} == ${state}`] : [],
        ),
  )
  const all = (parts: string[]) => (parts.length === 0 ? 'true' : parts.join(' && '))
  const timers = all(waits.flatMap(({ isTimer, done }) => (isTimer ? [done] : [])))
  const others = all(waits.flatMap(({ isTimer, done }) => (isTimer ? [] : [done])))
  return `${others} && ((${timers}) || !(${overdue.join(' || ') || 'false'}))`
}
