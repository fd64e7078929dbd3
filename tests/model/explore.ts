// Everything that can be reached: from nothing, by every wish, every message in every order and again, every answer and silence of the
// outside. What is once said can be heard from then on at any time, which is what a broker may do that loses nothing.
//
// Promise: gives each service's transitions as far as they can happen at all, found by running its own decisions.
import { DEFAULT_PATIENCE, type Handler, type Message, type Received } from '@orders/shared/messaging'
import { route } from '@orders/shared/testing'
import type { Choreography, Memory } from './choreography.ts'
import { type Books, emptyBooks } from './outside.ts'
import { ORDER } from './people.ts'
import { ask, canonical, giveUp, hear, look, type Stepped, wish } from './steps.ts'

/** What is known once and for ever: a message that was said, or an answer that the outside gave about one. */
export interface Signal {
  kind: 'message' | 'answer'
  /** For people. */
  text: string
  message: Message
  /** The queues that get it, and for a timer whether the broker may lose it. */
  queues: readonly string[]
  isTimer: boolean
}

export interface Outcome {
  state: number
  books: number
  says: readonly number[]
  fault?: string
  /** Of a question whose answer changes nothing, whenever it is heard: the message is settled at once. */
  settles?: { message: number; queue: string }
}

export type RuleKind = 'wish' | 'look' | 'hear' | 'ask' | 'decide' | 'give up' | 'unheard'

/** What may happen: who does it, upon what, and what comes of it in each state in which it was tried. */
export interface Rule {
  kind: RuleKind
  name: string
  /** Index of the participant. */
  who: number
  /** The signal that must be there. */
  needs?: number
  /** The message that it is about, and the queue it was in: settled when it is decided. */
  settles?: { message: number; queue: string }
  /** By state; of a question, by state and books. */
  outcomes: Map<string, Outcome[]>
}

export interface Explored {
  nouns: readonly string[]
  states: readonly Memory[][]
  books: readonly Books[]
  signals: readonly Signal[]
  rules: readonly Rule[]
  /** How many states of the whole were reached. */
  reached: number
}

interface Whole {
  states: number[]
  books: number
  signals: bigint
}

/** More is a fault of the model, or of a choreography that never comes to rest. */
const REACHED_MAX = 3_000_000

export async function explore({ participants, topology, outside }: Choreography): Promise<Explored> {
  const states = participants.map(({ before }) => interning<Memory>(before))
  const books = interning<Books>(emptyBooks)
  const signals = interning<Signal>()
  const rules: Rule[] = []
  /** How each rule's outcomes are found. */
  const trials: ((state: number, books: number) => Outcome[] | Promise<Outcome[]>)[] = []

  function add(rule: Omit<Rule, 'outcomes'>, trial: (state: number, books: number) => Outcome[] | Promise<Outcome[]>) {
    rules.push({ ...rule, outcomes: new Map() })
    trials.push(trial)
  }

  const outcomeOf = (who: number, { memory, says, fault }: Stepped, at: number): Outcome => ({
    state: states[who]?.of(memory) ?? 0,
    books: at,
    says: says.map(said),
    ...(fault && { fault: fault.message }),
  })
  const plain = (who: number, step: (memory: Memory) => Stepped) => (state: number, at: number) => [
    outcomeOf(who, step(states[who]?.at(state) ?? {}), at),
  ]

  function said(message: Message): number {
    const queue = topology.queues.find(({ name }) => message.exchange === '' && name === message.routingKey)
    const home =
      queue?.arguments['x-dead-letter-exchange'] === '' ? queue.arguments['x-dead-letter-routing-key'] : undefined
    const isTimer = message.expirationMs !== undefined
    const queues = isTimer
      ? home === undefined
        ? []
        : [String(home)]
      : [...route(topology, message.exchange, message.routingKey)]
    const before = signals.size()
    const ours = queues.filter((name) => participants.some(({ handlers }) => name in handlers))
    const signal: Signal = { kind: 'message', text: message.id.slice(ORDER.length + 1), message, queues: ours, isTimer }
    const number = signals.of(
      signal,
      ours.length === 0 ? message.id : canonical({ id: message.id, data: message.data }),
    )
    if (number === before) for (const name of ours) hearing(number, name)
    return number
  }

  /** What the owner of the queue does when it gets the message. */
  function hearing(number: number, queue: string): void {
    const who = participants.findIndex(({ handlers }) => queue in handlers)
    const participant = participants[who]
    const { message, isTimer, text } = signals.at(number)
    const handler = participant?.handlers[queue]?.find(({ type }) => type === message.type)
    const settles = { message: number, queue }
    const base = { who, needs: number, settles }
    const noun = participant?.noun
    if (!handler) return add({ ...base, kind: 'unheard', name: `${noun} has no handler for ${text}` }, () => [])
    const event = receivedFrom(message)
    if (!handler.ask) {
      const step = (memory: Memory) => hear(handler, event, memory, { isTimer })
      return add({ ...base, kind: 'hear', name: `${noun} hears ${text}` }, plain(who, step))
    }
    asking(handler, event, base, noun ?? '')
  }

  function asking(
    handler: Handler,
    event: Received,
    base: Pick<Rule, 'who'> & { needs: number; settles: Rule['settles'] & object },
    noun: string,
  ) {
    const { who, needs } = base
    const { text, message } = signals.at(needs)
    const { settles: _, ...unsettled } = base
    add({ ...unsettled, kind: 'ask', name: `${noun} asks about ${text}` }, async (state, at) => {
      const ways = await outside.everyWay(books.at(at), () => ask(handler, event, states[who]?.at(state) ?? {}))
      return ways.map(({ books: after, answer, fault }) => ({
        state,
        books: books.of(after),
        says: answer ? [answered(answer.value)] : [],
        ...(fault && { fault: fault.message }),
      }))
    })
    if (handler.giveUp && endsByItself(handler))
      add(
        { ...base, kind: 'give up', name: `${noun} gives up on ${text}` },
        plain(who, (memory) => giveUp(handler, event, memory)),
      )

    function answered(answer: unknown): number {
      const before = signals.size()
      const outcome =
        (answer as { outcome?: string } | undefined)?.outcome ?? (answer === undefined ? 'nothing to ask' : 'done')
      const signal: Signal = { kind: 'answer', text: `${text}: ${outcome}`, message, queues: [], isTimer: false }
      const number = signals.of(
        signal,
        canonical({ id: message.id, data: message.data, noun, answer: answer ?? null, a: 1 }),
      )
      const step = (memory: Memory) => hear(handler, event, memory, { answer })
      if (number === before)
        add({ ...base, needs: number, kind: 'decide', name: `${noun} hears ${text} (${outcome})` }, plain(who, step))
      return number
    }
  }

  for (const [who, { wishes, looks }] of participants.entries()) {
    for (const one of wishes)
      add(
        { kind: 'wish', who, name: one.name },
        plain(who, (memory) => wish(one, memory)),
      )
    for (const one of looks)
      add(
        { kind: 'look', who, name: `${participants[who]?.noun} looks for an overdue ${one.name}` },
        plain(who, (memory) => look(one, ORDER, memory)),
      )
  }

  const first: Whole = { states: participants.map(() => 0), books: 0, signals: 0n }
  const seen = new Set([keyOf(first)])
  const waiting = [first]
  for (let whole = waiting.pop(); whole; whole = waiting.pop()) {
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index] as Rule
      if (rule.needs !== undefined && !((whole.signals >> BigInt(rule.needs)) & 1n)) continue
      const state = whole.states[rule.who] ?? 0
      const key = rule.kind === 'ask' ? `${state},${whole.books}` : `${state}`
      let outcomes = rule.outcomes.get(key)
      if (!outcomes) {
        outcomes = distinct(await (trials[index] as (typeof trials)[number])(state, whole.books))
        rule.outcomes.set(key, outcomes)
      }
      for (const outcome of outcomes) {
        const after = rule.kind === 'ask' ? outcome.books : whole.books
        const isNews = outcome.says.some((number) => !((whole.signals >> BigInt(number)) & 1n))
        if (outcome.state === state && after === whole.books && !isNews) continue
        const next: Whole = {
          states: whole.states.with(rule.who, outcome.state),
          books: after,
          signals: outcome.says.reduce((all, number) => all | (1n << BigInt(number)), whole.signals),
        }
        const nextKey = keyOf(next)
        if (seen.has(nextKey)) continue
        seen.add(nextKey)
        if (seen.size > REACHED_MAX) throw new Error(`more than ${REACHED_MAX} states can be reached`)
        waiting.push(next)
      }
    }
  }
  return {
    nouns: participants.map(({ noun }) => noun),
    states: states.map((one) => one.all()),
    books: books.all(),
    signals: signals.all(),
    rules,
    reached: seen.size,
  }
}

/** What is due until it is done is given up by nobody but an operator, who sees that it is owed, and asks for it again. */
const endsByItself = ({ patience = DEFAULT_PATIENCE }: Handler) =>
  patience.attemptsMax !== undefined || patience.forMs !== undefined

const keyOf = ({ states, books, signals }: Whole) => `${states.join()},${books},${signals.toString(36)}`

function distinct(outcomes: Outcome[]): Outcome[] {
  return [...new Map(outcomes.map((one) => [JSON.stringify(one), one])).values()]
}

function receivedFrom({ id, type, subject, time, data }: Message): Received {
  return { id, type, subject, time, source: `/${type.split('.')[0]}-service`, data: JSON.parse(JSON.stringify(data)) }
}

/** Numbers for values: the same for those that say the same. */
function interning<Value>(...first: Value[]) {
  const values: Value[] = []
  const numbers = new Map<string, number>()
  function of(value: Value, key = canonical(value)): number {
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, values.length)
    return values.push(value) - 1
  }
  for (const value of first) of(value)
  return { of, at: (number: number) => values[number] as Value, size: () => values.length, all: () => values }
}
