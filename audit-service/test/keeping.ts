// A log over a real database, as the service has it: what is delivered is decided about in groups, as the kernel does.
import { createPrivateKey } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { events, type Received } from '@orders/shared/contracts'
import type { Arrived, Handler } from '@orders/shared/messaging'
import { type Database, migrate, type Reader } from '@orders/shared/storage'
import { decideAlone, keepingLog, scratchFolder } from '@orders/shared/testing'
import { type Block, type Dictionary, type Packed, pack, restored, unpack } from '../block.ts'
import { verifyAll } from '../checking/store.ts'
import { dictionaryOf } from '../dictionary.ts'
import { type Entry, entryAfter, type Fault, type Wire } from '../domain.ts'
import { moveEarlier } from '../earlier/store.ts'
import { decodeAny, handlers } from '../handlers.ts'
import { createAlarm } from '../proof/alarm.ts'
import type { Tree } from '../proof/checks.ts'
import { signerOf } from '../proof/note.ts'
import { type Outside, outsideAt } from '../proof/outside.ts'
import { startSequencer } from '../signing/sequencer.ts'
import { dictionaryWith, type States, statesWith } from '../store.ts'

export const NOW = '2026-11-21T08:30:00.000Z'
const MIGRATIONS = join(import.meta.dirname, '..', 'migrations')

export function deliveryOf(body: Buffer | string, headers: Record<string, unknown> = {}): Arrived {
  return {
    body: Buffer.from(body),
    properties: { headers },
    exchange: '',
    routingKey: '',
    redelivered: false,
  }
}

export type Event = Received<Wire>

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export const decoded = (body: Buffer | string, headers = {}): Event => decodeAny(deliveryOf(body, headers))

export function event(id: string, subject = '1', type = 'order.created', more: object = {}): Event {
  const attributes = { id, type, subject, source: '/order-service', time: NOW }
  return decoded(JSON.stringify({ specversion: '1.0', ...attributes, data: { n: 1 }, ...more }), { traceparent: TRACE })
}

/** What a log that begins with these events holds. */
export function entriesOf(all: readonly Event[]): Entry[] {
  return all.map((one, index) => entryAfter(index, one, NOW))
}

export interface Keeping {
  dictionary: Dictionary
  states: States
  /** Decides about all of them together, and saves once. */
  keep(...group: Event[]): Promise<unknown>
  /** The same, received then. */
  keepAt(at: string, ...group: Event[]): Promise<unknown>
}

const SEED = Buffer.from('302e020100300506032b657004220420'.padEnd(96, '61'), 'hex')
export const SIGNING_KEY = SEED.toString('base64')
export const signer = signerOf('localhost/audit', createPrivateKey({ key: SEED, format: 'der', type: 'pkcs8' }))
const NEVER_MS = 3_600_000

let minutes = 0
/** Whoever looks next finds the lease of whoever looked before run out. */
const aMinuteLater = () => {
  const at = new Date(Date.parse(NOW) + ++minutes * 60_000)
  return () => at
}

/** Lets the tree follow the log, as a copy of the service that has just started would; gives what it found to be wrong. */
export async function sequenced(
  database: Database,
  { outside = outsideAt(undefined, signer), now = aMinuteLater() }: { outside?: Outside; now?: () => Date } = {},
): Promise<Fault | undefined> {
  const { log, lines } = await keepingLog()
  const alarm = createAlarm(log)
  const sequencer = startSequencer({ database, signer, outside, alarm, log, now, everyMs: NEVER_MS })
  await sequencer.now()
  await sequencer.close()
  const failed = lines.find(({ msg }) => msg.includes('cannot be signed'))
  if (failed) throw new Error(JSON.stringify(failed))
  return alarm.fault()
}

export const verify = (sql: Reader, signed?: Tree) => verifyAll(sql, { verifier: signer, signed })

/** As the first version left its database, without any event. */
export async function openEarlier(database: Database): Promise<void> {
  const folder = await scratchFolder()
  await copyFile(join(MIGRATIONS, '001-events.sql'), join(folder.path, '001-events.sql'))
  await migrate(database, [folder.path])
  await folder.remove()
}

/** As the service starts: brought up to date, and what an earlier version kept is moved. */
export async function openLog(database: Database, contracts = events.values()): Promise<Keeping> {
  await migrate(database, [MIGRATIONS])
  const dictionary = await dictionaryWith(database, dictionaryOf(contracts))
  await moveEarlier(database, statesWith(dictionary))
  return keepingWith(database, dictionary)
}

export function keepingWith(database: Database, dictionary: Dictionary): Keeping {
  const states = statesWith(dictionary)
  const all = handlers(states)
  const ofEach = <T>(group: Event[], ask: (handler: Handler, one: Event) => readonly T[]) =>
    group.flatMap((one) => all.flatMap((handler) => ask(handler, one)))
  const keepAt: Keeping['keepAt'] = (at, ...group) => {
    const context = { now: at, attempt: 1, redelivered: false }
    return decideAlone(database, {
      reads: (known) => ofEach(group, (handler, one) => handler.reads(one, known)),
      decide: (draft) => ({
        result: undefined,
        messages: ofEach(group, (handler, one) => handler.decide(one, draft, context, undefined)),
      }),
    })
  }
  return { dictionary, states, keepAt, keep: (...group) => keepAt(NOW, ...group) }
}

/** A block as somebody who knows the format would change it. */
export function forged(
  block: Block,
  dictionary: Dictionary,
  subjects: ReadonlyMap<number, string>,
  change: (entry: Entry) => Entry | undefined,
): Block | undefined {
  const filed = unpack(block, dictionary.bytes).flatMap((packed: Packed) => {
    const entry = change(restored(packed, subjects.get(packed.subject) ?? ''))
    return entry ? [{ entry, subject: packed.subject, kind: packed.kind }] : []
  })
  return pack(filed, dictionary)[0]
}
