// Whether today's copies and those of the last release understand each other, and whether today's read what was recorded: who breaks, of
// which service, in which queue, at which field, and why.
import { decode, type Registry, type RpcContract } from '@orders/shared/messaging'
import { contractsNow, questionsNow, type Release, type ReleasedContract } from './released.ts'
import { type Refusal, refusals, type Shape } from './shapes.ts'

export interface Today {
  registry: Registry
  rpcs: readonly RpcContract[]
  /** By queue, what it is bound with. */
  heard: Readonly<Record<string, readonly string[]>>
}

export interface Break {
  /** `payment-service, today's`; `order-service of 0.1.0`. */
  reader: string
  queue: string
  contract: string
  field: string
  why: string
}

/** Against every release what was said then; against the last one also what is said now, since its copies run beside today's. */
export function breaksBetween(releases: readonly Release[], today: Today): Break[] {
  const last = releases.at(-1)
  const found = [
    ...releases.flatMap((release) => [...unreadToday(release, today), ...unreadMessages(release, today)]),
    ...(last ? [...unreadByReleased(last, today), ...questionBreaks(last, today)] : []),
  ]
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()]
}

const dataOf = ({ properties }: Shape): Shape => properties?.data ?? {}

/** What a copy of that release says, or has left in a queue, read by today's. */
function unreadToday({ version, contracts }: Release, today: Today): Break[] {
  return contracts.flatMap(({ type, dataschema, schema }) => {
    const reader = today.registry.contracts.get(type)?.readers.get(dataschema)
    if (!reader) return breaksOf(type, dataschema, today, "today's", [notRead(version)])
    const read = JSON.parse(JSON.stringify(reader.validator().Type())) as Shape
    return breaksOf(type, dataschema, today, "today's", refusals(dataOf(schema), dataOf(read)))
  })
}

const notRead = (version: string): Refusal => ({
  field: '',
  why: `is published by release ${version}, and nothing reads it any more`,
})

/** What today's say, read by a copy of that release. A version that it does not know waits there for its successor. */
function unreadByReleased({ version, contracts }: Release, today: Today): Break[] {
  const said = new Map(contractsNow(today.registry).map((one) => [one.dataschema, one]))
  return contracts.flatMap(({ type, dataschema, schema }) => {
    const now: ReleasedContract | undefined = said.get(dataschema)
    if (!now) return []
    return breaksOf(type, dataschema, today, `of ${version}`, refusals(dataOf(now.schema), dataOf(schema)))
  })
}

function unreadMessages({ version, messages }: Release, today: Today): Break[] {
  return messages.flatMap((text) => {
    const why = unreadableWhy(today.registry, Buffer.from(text))
    if (why === undefined) return []
    const { type, dataschema, id } = JSON.parse(text)
    return breaksOf(type, dataschema, today, "today's", [{ field: '', why: `${id}, recorded with ${version}: ${why}` }])
  })
}

/** Why a message could not be read as a delivery; undefined when it can. */
export function unreadableWhy(registry: Registry, body: Buffer): string | undefined {
  try {
    decode(registry, { body, properties: { headers: {} }, exchange: '', routingKey: '', redelivered: false })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function questionBreaks({ version, questions }: Release, { rpcs }: Today): Break[] {
  const now = new Map(questionsNow(rpcs).map((one) => [one.type, one]))
  return questions.flatMap(({ type, queue, request, reply }) => {
    const today = now.get(type)
    const told = (reader: string, part: string, found: readonly Refusal[]) =>
      found.map(({ field, why }): Break => ({ reader, queue, contract: `${type}, ${part}`, field, why }))
    const answering = ownerOf(queue)
    if (!today) return told(`${answering}, today's`, 'question', [notRead(version)])
    return [
      ...told(`${answering}, today's`, 'question', refusals(request, today.request)),
      ...told(`${answering} of ${version}`, 'question', refusals(today.request, request)),
      ...told("the asking service, today's", 'answer', refusals(reply, today.reply)),
      ...told(`the asking service of ${version}`, 'answer', refusals(today.reply, reply)),
    ]
  })
}

/** For each queue that gets it; what nobody hears is still read by people who look it up. */
function breaksOf(
  type: string,
  contract: string,
  { heard, registry }: Today,
  whose: string,
  found: readonly Refusal[],
): Break[] {
  const queues = queuesOf(type, heard, registry)
  return found.flatMap(({ field, why }) =>
    queues.map((queue) => ({ reader: `${ownerOf(queue)} (${whose})`, queue, contract, field, why })),
  )
}

function queuesOf(type: string, heard: Today['heard'], { contracts }: Registry): string[] {
  const own = contracts.get(type)
  if (own && own.exchange === '') return [own.routeOf({}).routingKey]
  const bound = Object.entries(heard).flatMap(([queue, patterns]) =>
    patterns.some((one) => one === type || one.startsWith(`${type}.`)) ? [queue] : [],
  )
  return bound.length > 0 ? bound : ['audit.queue']
}

export const ownerOf = (queue: string) => `${queue.slice(0, queue.indexOf('.'))}-service`
