// Mutants of the choreography: one piece of it left out, or made twice, by a rule and not by hand. A model that does not object to one
// would not object to the mistake either.
import { events, orders } from '@orders/shared/contracts'
import type { Handler, Message } from '@orders/shared/messaging'
import type { Choreography, Participant } from './choreography.ts'
import type { Explored } from './explore.ts'
import { FORKS } from './promises.ts'

export interface Mutant {
  name: string
  kind: 'binding' | 'handler' | 'timer' | 'silence' | 'forgetfulness' | 'second writer'
  made(choreography: Choreography): Choreography
}

/** `explored`: what the choreography says when nothing is wrong with it. */
export function mutantsOf(choreography: Choreography, explored: Explored): Mutant[] {
  const { participants } = choreography
  return [
    ...participants.flatMap(({ handlers }) => bindingsOf(Object.keys(handlers))),
    ...participants.flatMap(handlersOf),
    ...timersOf(choreography),
    ...participants.flatMap((one) => silences(one, explored)),
    ...participants.flatMap((one) => lapses(one, explored)),
    ...participants.flatMap((one) => secondWriters(one, explored)),
  ]
}

/** A queue is not bound to one event. */
function bindingsOf(queues: string[]): Mutant[] {
  return queues.flatMap((queue) =>
    (orders.heard[queue] ?? []).map(
      (type): Mutant => ({
        name: `${queue} is not bound to ${type}`,
        kind: 'binding',
        made: (whole) => ({
          ...whole,
          topology: {
            ...whole.topology,
            bindings: whole.topology.bindings.filter(
              ({ destination, pattern }) => destination !== queue || pattern !== type,
            ),
          },
        }),
      }),
    ),
  )
}

/** A service has no handler for what it gets. */
function handlersOf({ noun, handlers }: Participant): Mutant[] {
  return Object.values(handlers)
    .flat()
    .map(({ type }) => ({
      name: `${noun} has no handler for ${type}`,
      kind: 'handler',
      made: (whole) => withHandlers(whole, noun, (all) => all.filter((one) => one.type !== type)),
    }))
}

/** A timer does not come back; or nobody looks for one that does not. */
function timersOf({ participants, topology }: Choreography): Mutant[] {
  const returning = topology.queues.filter((queue) => queue.arguments['x-dead-letter-exchange'] === '')
  return [
    ...returning.map(
      ({ name }): Mutant => ({
        name: `nothing comes back from ${name}`,
        kind: 'timer',
        made: (whole) => ({
          ...whole,
          topology: {
            ...whole.topology,
            queues: whole.topology.queues.map((queue) => (queue.name === name ? { ...queue, arguments: {} } : queue)),
          },
        }),
      }),
    ),
    ...participants
      .filter(({ looks }) => looks.length > 0)
      .map(
        ({ noun }): Mutant => ({
          name: `${noun} does not look for what is overdue`,
          kind: 'timer',
          made: (whole) => withParticipant(whole, noun, (one) => ({ ...one, looks: [] })),
        }),
      ),
  ]
}

/** What a handler says that somebody takes note of, by the type that it handles. */
function saidBy(noun: string, { nouns, rules, signals }: Explored): [handled: string, said: Message][] {
  const found = new Map<string, [string, Message]>()
  for (const { who, settles, outcomes } of rules)
    for (const { says } of nouns[who] === noun && settles ? [...outcomes.values()].flat() : [])
      for (const number of says) {
        const handled = signals[settles?.message ?? 0]?.message.type ?? ''
        const signal = signals[number]
        if (signal?.kind === 'message') found.set(`${handled} ${signal.message.type}`, [handled, signal.message])
      }
  return [...found.values()]
}

/** A handler does its work, and does not say so. */
function silences({ noun }: Participant, explored: Explored): Mutant[] {
  return saidBy(noun, explored).map(([handled, { type }]) => ({
    name: `${noun} does not say ${type} when it hears ${handled}`,
    kind: 'silence',
    made: (whole) =>
      withHandlers(whole, noun, (all) =>
        all.map((one) =>
          one.type === handled ? saying(one, (messages) => messages.filter((said) => said.type !== type)) : one,
        ),
      ),
  }))
}

/** A handler says what it has done, and does not keep it. */
function lapses({ noun, handlers }: Participant, explored: Explored): Mutant[] {
  const who = explored.nouns.indexOf(noun)
  const keeps = (type: string) =>
    explored.rules.some(
      (rule) =>
        rule.who === who &&
        rule.settles &&
        explored.signals[rule.settles.message]?.message.type === type &&
        [...rule.outcomes].some(([state, found]) => found.some((one) => one.state !== Number(state))),
    )
  return Object.values(handlers)
    .flat()
    .filter(({ type }) => keeps(type))
    .map(({ type }) => ({
      name: `${noun} does not keep what it makes of ${type}`,
      kind: 'forgetfulness',
      made: (whole) =>
        withHandlers(whole, noun, (all) => all.map((one) => (one.type === type ? forgetting(one) : one))),
    }))
}

/** A service that hears what the writer of a fork hears decides it too: with each of the ways that it can go. */
function secondWriters({ noun, handlers }: Participant, { signals }: Explored): Mutant[] {
  const mine = Object.values(handlers)
    .flat()
    .map(({ type }) => type)
    .filter((type) => events.has(type))
  const messageOf = (type: string) =>
    signals.find(({ kind, message }) => kind === 'message' && message.type === type)?.message
  return FORKS.flat()
    .filter((decision) => !decision.startsWith(`${noun}.`))
    .flatMap((decision): Mutant[] => {
      const fork = FORKS.find((types) => types.includes(decision)) ?? []
      const writer = decision.split('.')[0]
      const heardByWriter = orders.heard[`${writer}.queue`] ?? []
      const message = messageOf(decision)
      const both = mine.find((type) => heardByWriter.includes(type) && !fork.includes(type))
      if (!message || both === undefined) return []
      return [
        {
          name: `${noun} says ${decision}, too, when it hears ${both}`,
          kind: 'second writer',
          made: (whole) =>
            withHandlers(whole, noun, (all) =>
              all.map((one) => (one.type === both ? saying(one, (messages) => [...messages, message]) : one)),
            ),
        },
      ]
    })
}

function withParticipant(whole: Choreography, noun: string, change: (one: Participant) => Participant): Choreography {
  return { ...whole, participants: whole.participants.map((one) => (one.noun === noun ? change(one) : one)) }
}

function withHandlers(whole: Choreography, noun: string, change: (all: Handler[]) => Handler[]): Choreography {
  return withParticipant(whole, noun, (one) => ({
    ...one,
    handlers: Object.fromEntries(Object.entries(one.handlers).map(([queue, all]) => [queue, change(all)])),
  }))
}

function saying(handler: Handler, change: (messages: Message[]) => Message[]): Handler {
  const { decide, giveUp } = handler
  return {
    ...handler,
    decide: (...all) => change(decide(...all)),
    ...(giveUp && { giveUp: (...all) => change(giveUp(...all)) }),
  }
}

function forgetting(handler: Handler): Handler {
  const { decide } = handler
  return { ...handler, decide: (event, draft, ...rest) => decide(event, { ...draft, set: () => undefined }, ...rest) }
}
