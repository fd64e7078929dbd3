// A log over a real database, as the service has it: what is delivered is decided about in groups, as the kernel does.
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { events, type Received } from '@orders/shared/contracts'
import type { Arrived, Handler } from '@orders/shared/messaging'
import { type Database, migrate } from '@orders/shared/storage'
import { decideAlone, scratchFolder } from '@orders/shared/testing'
import { type Block, type Dictionary, type Packed, pack, restored, unpack } from '../block.ts'
import { dictionaryOf } from '../dictionary.ts'
import { type Entry, entryAfter, GENESIS, type Wire } from '../domain.ts'
import { moveEarlier } from '../earlier/store.ts'
import { decodeAny, handlers } from '../handlers.ts'
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

export const decoded = (body: Buffer | string, headers = {}): Event => decodeAny(deliveryOf(body, headers))

export function event(id: string, subject = '1', type = 'order.created', more: object = {}): Event {
  const attributes = { id, type, subject, source: '/order-service', time: NOW }
  return decoded(JSON.stringify({ specversion: '1.0', ...attributes, data: { n: 1 }, ...more }))
}

/** What a log that begins with these events holds. */
export function entriesOf(all: readonly Event[]): Entry[] {
  const entries: Entry[] = []
  for (const one of all) entries.push(entryAfter(entries.at(-1) ?? GENESIS, one, NOW))
  return entries
}

export interface Keeping {
  dictionary: Dictionary
  states: States
  /** Decides about all of them together, and saves once. */
  keep(...group: Event[]): Promise<unknown>
}

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
  const context = { now: NOW, attempt: 1, redelivered: false }
  return {
    dictionary,
    states,
    keep: (...group) =>
      decideAlone(database, {
        reads: (known) => ofEach(group, (handler, one) => handler.reads(one, known)),
        decide: (draft) => ({
          result: undefined,
          messages: ofEach(group, (handler, one) => handler.decide(one, draft, context, undefined)),
        }),
      }),
  }
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
