// W3C Trace Context, passed on from message to message, so that any tracing tool can join an order's steps.

/** Unchecked values from HTTP or AMQP headers. */
export interface Trace {
  traceparent?: unknown
  tracestate?: unknown
}

/**
 * Version, trace id, parent id and flags. A later version may append more after a hyphen; its known parts are still read
 * ("Versioning of traceparent"). Ids of only zeros are invalid.
 */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** "Sampled" and "random trace id". The meaning of other bits is unknown, so they are not passed on. */
const FLAGS_KNOWN = 0b11

/** A valid trace. */
export interface Told {
  traceId: string
  parentId: string
  /** Known bits only. */
  flags: number
  state: string | undefined
}

export function toldBy({ traceparent, tracestate }: Trace): Told | undefined {
  const [, version, traceId, parentId, flags, more] =
    (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || []
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined
  // Version 00 has exactly four parts.
  if (version === '00' && more !== undefined) return undefined
  return { traceId, parentId, flags: Number.parseInt(flags, 16) & FLAGS_KNOWN, state: stateOf(tracestate) }
}

export interface TraceHeaders {
  traceparent: string
  tracestate?: string
}

export const headersOf = ({ traceId, parentId, flags, state }: Told): TraceHeaders => ({
  traceparent: `00-${traceId}-${parentId}-0${flags & FLAGS_KNOWN}`,
  ...(state !== undefined && { tracestate: state }),
})

/** The headers for the next step: the same trace and state if the given trace is valid, otherwise a new trace. */
export function nextTrace(trace: Trace): TraceHeaders {
  const told = toldBy(trace)
  if (told) return headersOf({ ...told, parentId: nextRandom(8) })
  const random = nextRandom(24)
  return { traceparent: `00-${random.slice(16)}-${random.slice(0, 16)}-01` }
}

/** For logs; undefined if there is no valid trace. */
export const traceIdOf = (traceparent: unknown): string | undefined => toldBy({ traceparent })?.traceId

const STATE_MAX = 512
const MEMBERS_MAX = 32
/** If the state is too long, members longer than this are removed first. */
const MEMBER_LONG = 128
const MEMBER =
  /^((?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}))=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/

/**
 * The state for the next step; undefined if its form is invalid, since then nothing is passed on ("tracestate Header Field
 * Values").
 */
function stateOf(state: unknown): string | undefined {
  if (typeof state !== 'string') return undefined
  const members = state
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '')
  const keys = members.map((member) => MEMBER.exec(member)?.[1])
  if (members.length > MEMBERS_MAX || keys.includes(undefined)) return undefined
  // The latest entry stands first, so it wins over a later one with the same key.
  const kept = members.filter((_, index) => keys.indexOf(keys[index]) === index)
  const short = lengthOf(kept) > STATE_MAX ? kept.filter(({ length }) => length <= MEMBER_LONG) : kept
  while (lengthOf(short) > STATE_MAX) short.pop()
  return short.length === 0 ? undefined : short.join(',')
}

const lengthOf = (members: readonly string[]) => members.join(',').length

/** Returns hexadecimal digits. Ids are not secrets, and a simulation, which seeds `Math.random`, repeats the same ids. */
function nextRandom(bytes: number): string {
  let drawn = ''
  while (drawn.length < bytes * 2)
    drawn += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return drawn.slice(0, bytes * 2)
}
