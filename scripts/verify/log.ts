// Checks the audit log from outside: nothing that it answers is believed but what follows from its signature and from what was kept.
import { newestIn, openCheckpoint } from '../../audit-service/proof/checkpoint.ts'
import { isConsistent, type Tree } from '../../audit-service/proof/checks.ts'
import { type Kept, leafHashOf } from '../../audit-service/proof/leaf.ts'
import { verifierIn } from '../../audit-service/proof/note.ts'
import { tilePath, widthIn } from '../../audit-service/proof/tiles.ts'
import { type Edge, EMPTY, grown, rootOf } from '../../audit-service/proof/tree.ts'

export interface Question {
  url: string
  /** A verifier line; by default what the log itself says, which proves nothing by itself. */
  key: string | undefined
  /** Checkpoints that were kept, one after the other. */
  kept: string | undefined
  /** Reads every body and computes the whole tree from them. */
  bodies: boolean
  token: string | undefined
  say(line: string): void
}

export interface Answer {
  /** What is wrong, in a sentence; undefined when nothing is. */
  wrong: string | undefined
  size: number
}

interface Page {
  events: (Kept & { sequence: number; id: string })[]
  next: number | null
  /** Up to here bodies are in archives alone. */
  archived: number
}

const PAGE = 500
const TOLD_EVERY = 10_000

/** @throws Error when the log does not answer */
export async function verifyLog(question: Question): Promise<Answer> {
  const { url, kept, say } = question
  const verifier = verifierIn(question.key ?? (await textAt(question, '/audit/key')))
  if (question.key === undefined)
    say('Using the key that the log itself publishes. To trust only a key that you kept, pass --key.')
  const now = openCheckpoint(await textAt(question, '/checkpoint'), verifier)
  if (!now) return { wrong: `the checkpoint of ${url} is not signed by ${verifier.name}`, size: 0 }
  say(`${verifier.name} has signed ${now.size} entries.`)
  const before = kept === undefined ? undefined : newestIn(kept, verifier)
  if (kept !== undefined && !before)
    return { wrong: 'none of the checkpoints that you kept is signed with this key', size: now.size }
  const wrong =
    (before && (await contradiction(question, before, now))) ??
    (question.bodies ? await contradictionOfBodies(question, before, now) : undefined)
  return { wrong, size: now.size }
}

async function contradiction(question: Question, before: Tree, now: Tree): Promise<string | undefined> {
  if (before.size > now.size)
    return `the log has shrunk: ${before.size} entries were signed, but it has only ${now.size}`
  const proof = await jsonAt<{ hashes: string[] }>(question, `/audit/proof?from=${before.size}&to=${now.size}`)
  const hashes = proof.hashes.map((hash) => Buffer.from(hash, 'base64'))
  if (!isConsistent(before, now, hashes))
    return `the log has another history: it does not begin with the ${before.size} entries that were signed before`
  question.say(`The log begins with the ${before.size} entries of the checkpoint that you kept.`)
  return undefined
}

async function contradictionOfBodies(
  question: Question,
  before: Tree | undefined,
  now: Tree,
): Promise<string | undefined> {
  let edge = EMPTY
  for (let after: number | null = 0; after !== null && edge.size < now.size; ) {
    const page: Page = await jsonAt<Page>(question, `/audit/events?bodies=true&limit=${PAGE}&after=${after}`)
    if (page.archived > edge.size) {
      const leaves = await leavesUpTo(question, page.archived, now.size)
      if (forkedIn([before, now], edge, leaves))
        return 'the leaf hashes of archived entries differ from the signed ones'
      edge = grown(edge, leaves).edge
      question.say(`The bodies of ${edge.size} entries are in archive files: check these with --archive.`)
    }
    const events = page.events.filter(({ sequence }) => sequence <= now.size)
    const hole = events.findIndex(({ sequence }, place) => sequence !== edge.size + place + 1)
    if (hole >= 0) return `entry ${edge.size + hole + 1} is missing`
    const leaves = events.map(leafHashOf)
    const forked = forkedIn([before, now], edge, leaves)
    if (forked) return `the bodies differ from those of the ${forked.size} entries that were signed`
    const { size } = edge
    edge = grown(edge, leaves).edge
    if (Math.floor(size / TOLD_EVERY) < Math.floor(edge.size / TOLD_EVERY))
      question.say(`${edge.size} of ${now.size} bodies …`)
    after = page.next
  }
  if (edge.size < now.size) return `entry ${edge.size + 1} is missing`
  question.say(`All ${now.size} bodies match the signed checkpoint.`)
  return undefined
}

/** The tree among these that the edge does not become with these leaves. */
function forkedIn(trees: readonly (Tree | undefined)[], edge: Edge, leaves: readonly Buffer[]): Tree | undefined {
  return trees.find((tree) => {
    if (!tree || tree.size <= edge.size || tree.size > edge.size + leaves.length) return false
    return !rootOf(grown(edge, leaves.slice(0, tree.size - edge.size)).edge).equals(tree.root)
  })
}

/** Of the first so many entries the leaves, as the log has them: what it signed tells whether they are right. */
async function leavesUpTo(question: Question, count: number, size: number): Promise<Buffer[]> {
  const leaves: Buffer[] = []
  for (let number = 0; leaves.length < count; number++) {
    const width = widthIn(size, 0, number)
    const tile = await bytesAt(question, `/tile/${tilePath({ level: 0, number, width })}`)
    for (let at = 0; at < tile.length && leaves.length < count; at += 32) leaves.push(tile.subarray(at, at + 32))
    if (width === 0 || tile.length !== width * 32) throw new Error(`tile ${number} of the log is incomplete`)
  }
  return leaves
}

async function bytesAt({ url }: Question, path: string): Promise<Buffer> {
  const answer = await fetch(url + path)
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return Buffer.from(await answer.arrayBuffer())
}

async function textAt({ url, token }: Question, path: string): Promise<string> {
  const answer = await fetch(url + path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer.text()
}

// The cast is the decoding edge: what is in it is compared, and not believed.
const jsonAt = async <T>(question: Question, path: string) => JSON.parse(await textAt(question, path)) as T
