// What is wanted, read from the command line and judged before anything is written.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { type ChannelWish, channelWish } from './channel-wish.ts'
import type { Known } from './known.ts'

export const USAGE = `npm run new -- service invoice --hears order.paid --says invoice.issued
    writes a service that consumes one or more events (repeat --hears) and publishes one when it has received all of them
npm run new -- event invoice.paid
    adds an event that an existing service can publish
npm run new -- channel sms-acme
    writes a provider for a channel of notification-service (email, sms or push), with an HTTP API
npm run new -- project ../library
    makes a project of your own in a new folder: two small services on the kernel`

interface EventWish {
  kind: 'event'
  type: string
  next: string
}

interface ServiceWish {
  kind: 'service'
  noun: string
  hears: { type: string; contract: string }[]
  says: string
  next: string
}

interface ProjectWish {
  kind: 'project'
  folder: string
  next: string
}

export type Wish = EventWish | ServiceWish | ChannelWish | ProjectWish

const EVENT = /^[a-z]{2,20}\.[a-z]+(_[a-z]+)*$/
const HEARD_MAX = 6
/** Words of TypeScript and SQL that a variable or a table cannot be called, and the names that every service's files use. */
const RESERVED = new Set(
  `any as async await boolean break case catch class const continue debugger declare default delete do else enum event export
  extends false finally fixed for from function get if implements import in instanceof interface let module new null number object
  of on package private protected public return set static string super switch symbol this throw true try type typeof undefined
  unknown using value var void while with yield
  all awaited before broker change commit config database decision domain folder handler handlers heard http insert known main
  message on reader registry row run said saves service sql state store test token topology tx walk wiring`.split(
    /\s+/,
  ),
)

/** @throws Error that says what is wrong with the wish */
export function wishOf(args: string[], known: Known): Wish {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { hears: { type: 'string', multiple: true, default: [] }, says: { type: 'string' } },
  })
  const [kind, name = '', ...rest] = positionals
  if (rest.length > 0) throw new Error(`unexpected argument "${rest.join(' ')}"`)
  if (kind === 'service') return serviceWish(name, values.hears, values.says ?? '', known)
  if (kind === 'event') return eventWish(name, known)
  if (kind === 'channel') return channelWish(name, known)
  if (kind === 'project') return projectWish(name)
  throw new Error(
    kind === undefined
      ? 'say what to make: service, event, channel or project'
      : `cannot make "${kind}": service, event, channel or project`,
  )
}

function serviceWish(noun: string, hears: string[], says: string, known: Known): ServiceWish {
  if (!/^[a-z]{2,20}$/.test(noun))
    throw new Error(`the name of a service must be a noun of 2 to 20 small letters, not "${noun}"`)
  if (known.services.includes(noun)) throw new Error(`${noun}-service exists already`)
  if (known.folders.has(`${noun}-service`))
    throw new Error(`there is a folder ${noun}-service already, but it is not in the list of services`)
  if (RESERVED.has(noun) || known.taken.has(noun)) throw new Error(`the name "${noun}" is reserved`)
  const types = [...new Set(hears.flatMap((text) => text.split(',')))]
  if (types.length === 0) throw new Error('--hears is missing: name the events that the service consumes')
  if (types.length > HEARD_MAX) throw new Error(`--hears takes at most ${HEARD_MAX} events`)
  if (!says.startsWith(`${noun}.`)) throw new Error(`--says must be an event of this service, such as ${noun}.done`)
  newEvent(says, known)
  return {
    kind: 'service',
    noun,
    hears: types.map((type) => ({ type, contract: heardEvent(type, known) })),
    says,
    next: `write its rule in ${noun}-service/domain.ts and the data of ${says} in shared/contracts/${noun}.ts; then run npm run check and npm test`,
  }
}

function eventWish(type: string, known: Known): EventWish {
  newEvent(type, known)
  const [noun = ''] = type.split('.')
  if (!known.services.includes(noun) || ![...known.events.keys()].some((one) => one.startsWith(`${noun}.`)))
    throw new Error(`no service publishes ${noun}.…; the services with events are ${speakers(known).join(', ')}`)
  return {
    kind: 'event',
    type,
    next: `write the data of ${type} in shared/contracts/${noun}.ts, and publish it in ${noun}-service/domain.ts; then run npm run check`,
  }
}

/** Where it is, npm has to take it for a name. */
function projectWish(folder: string): ProjectWish {
  const name = basename(folder)
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(name))
    throw new Error(`the folder of a project must be named with small letters, digits and hyphens, not "${name}"`)
  return { kind: 'project', folder, next: `cd ${folder} && npm install && npm test` }
}

/** @throws Error when nothing can be called that, or something is */
function newEvent(type: string, known: Known): void {
  if (!EVENT.test(type))
    throw new Error(`an event must be named noun.verbed, in small letters and underscores, not "${type}"`)
  if (known.events.has(type)) throw new Error(`${type} exists already`)
  if (known.exported.has(contractName(type)))
    throw new Error(`the contracts have ${contractName(type)} already, for something other than ${type}`)
}

/** The name of its contract. */
function heardEvent(type: string, known: Known): string {
  const contract = known.events.get(type)
  if (contract === undefined)
    throw new Error(`there is no event "${type}"; the events are ${[...known.events.keys()].join(', ')}`)
  if (known.routedOtherwise.has(type))
    throw new Error(`${type} goes only to the channels that it names; consume the event that it follows from instead`)
  return contract
}

function speakers({ services, events }: Known): string[] {
  return services.filter((noun) => [...events.keys()].some((type) => type.startsWith(`${noun}.`)))
}

/** `order.cancel_requested` is OrderCancelRequested in code. */
export function contractName(type: string): string {
  return type
    .split(/[._]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}
