// Adds new entries of the log to the Merkle tree and signs checkpoints. It works behind the writers of the log, in one copy of
// the service at a time.
import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Log, lookEvery } from '@orders/shared/runtime'
import type { Database } from '@orders/shared/storage'
import type { Fault } from '../domain.ts'
import { takeOver } from '../earlier/store.ts'
import type { Alarm } from '../proof/alarm.ts'
import { openCheckpoint, signCheckpoint } from '../proof/checkpoint.ts'
import type { Tree } from '../proof/checks.ts'
import type { Signer } from '../proof/note.ts'
import type { Outside } from '../proof/outside.ts'
import { edgeOf, grow, hashesAfter, hashesIn, tilesIn, treeHeadOf } from '../proof/store.ts'
import { type Edge, grown, rootOf, rootsOf } from '../proof/tree.ts'
import { headOf } from '../store.ts'

interface Options {
  database: Database
  signer: Signer
  outside: Outside
  alarm: Alarm
  log: Log
  now: () => Date
  everyMs: number
}

export interface Sequencer {
  /** Looks at once. Resolves when the tree has all entries, or another copy holds the lease. Never rejects. */
  now(): Promise<void>
  close(): Promise<void>
}

/** How many blocks' hashes are read at once. */
const BATCH = 512
/** After this time another copy takes over from one that has died. */
const LEASE_MS = 10_000

/** Looks at once, then again and again. The caller closes it. */
export function startSequencer({ database, signer, outside, alarm, log, now, everyMs }: Options): Sequencer {
  const holder = randomUUID()
  /** The right edge of the tree as this process left it. */
  let edge: Edge | undefined
  /** The newest tree that is known to be signed, from outside the database or by this process. The tree must continue it. */
  let signed: Tree | undefined
  let isFirst = true
  let unwritten: string | undefined
  /** The log differs from what was signed, so nothing is signed any more. */
  let isStopped = false
  let isClosed = false

  const lease = () => {
    const at = now()
    return { holder, now: at.toISOString(), until: new Date(at.getTime() + LEASE_MS).toISOString() }
  }

  async function look(): Promise<void> {
    if (isFirst) signed = await outside.newest()
    isFirst = false
    // SQLite answers without leaving the event loop, and the service must go on storing events and answering.
    while (!isStopped && !isClosed && (await step()) === 'more') await nextTurn()
    if (unwritten === undefined) return
    await outside.write(unwritten)
    unwritten = undefined
  }

  /** One transaction. It signs if it adds the last entries. */
  async function step(): Promise<'more' | 'done'> {
    const head = await treeHeadOf(database)
    const blocks = await hashesAfter(database, head.size, BATCH)
    if (blocks[0]?.leaves === 0) {
      await takeOver(database, head.size)
      return 'more'
    }
    const isOurs = head.checkpoint !== null && openCheckpoint(head.checkpoint, signer) !== undefined
    if (blocks.length === 0 && isOurs && !isCut(head.size)) return 'done'
    const before = edge?.size === head.size ? edge : await edgeOf(database, head.size)
    const links = blocks.findIndex(({ leaves }) => leaves === 0)
    const ready = links < 0 ? blocks : blocks.slice(0, links)
    const { leaves, fault } = leavesAfter(head.size, ready)
    const after = grown(before, leaves)
    const isLast = links < 0 && blocks.length < BATCH
    const found = fault ?? (await forkIn(before, leaves, isLast))
    if (found) {
      alarm.raise(found)
      isStopped = true
      return 'done'
    }
    const tree = { size: after.edge.size, root: rootOf(after.edge) }
    const checkpoint = isLast ? signCheckpoint(tree, signer) : null
    const growth = { from: head.size, to: tree.size, nodes: after.nodes, checkpoint }
    if (!(await database.transaction((tx) => grow(tx, growth, lease())))) return 'done'
    edge = after.edge
    if (checkpoint === null) return 'more'
    if (head.checkpoint !== null && !isOurs) log.warn('the newest checkpoint was not signed by this key: signed again')
    signed = tree
    unwritten = checkpoint
    return 'done'
  }

  const isCut = (size: number) => signed !== undefined && signed.size > size

  /** The fault, if the tree with these leaves does not continue the signed tree. */
  async function forkIn(before: Edge, leaves: readonly Buffer[], isLast: boolean): Promise<Fault | undefined> {
    if (!signed) return undefined
    const { size } = signed
    if (size > before.size + leaves.length)
      return isLast ? { brokenAt: (await headOf(database)) + 1, why: 'missing' } : undefined
    const root =
      size < before.size
        ? (await rootsOf([{ from: 0, to: size }], tilesIn(database)))[0]
        : rootOf(grown(before, leaves.slice(0, size - before.size)).edge)
    return root?.equals(signed.root) ? undefined : { brokenAt: size, why: 'forked' }
  }

  const looks = lookEvery(everyMs, look, (error) =>
    log.error({ err: error }, 'checkpoints of the audit log cannot be signed or written'),
  )
  void looks.now()
  return {
    now: looks.now,
    close() {
      isClosed = true
      return looks.close()
    },
  }
}

/** The leaves of blocks that follow each other without a hole, and the fault at the first hole. */
function leavesAfter(size: number, blocks: readonly { first: number; hashes: Buffer }[]) {
  const leaves: Buffer[] = []
  for (const block of blocks) {
    const expected = size + leaves.length + 1
    if (block.first !== expected) return { leaves, fault: { brokenAt: expected, why: 'missing' } satisfies Fault }
    leaves.push(...hashesIn(block))
  }
  return { leaves, fault: undefined }
}
