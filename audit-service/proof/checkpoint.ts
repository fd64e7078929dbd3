// Checkpoints in the C2SP tlog-checkpoint format: the log's name, the size of its tree and the root, in a signed note.
import type { Tree } from './checks.ts'
import { openNote, type Signer, signNote, type Verifier } from './note.ts'

/** Signed in the name of the signer, which is the log's name. */
export function signCheckpoint({ size, root }: Tree, signer: Signer): string {
  return signNote(`${signer.name}\n${size}\n${root.toString('base64')}\n`, signer)
}

/** The tree of a checkpoint. Undefined if this log has not signed it. */
export function openCheckpoint(note: string, verifier: Verifier): Tree | undefined {
  const [origin, size = '', root = ''] = openNote(note, verifier)?.split('\n') ?? []
  if (origin !== verifier.name || !/^(0|[1-9][0-9]{0,15})$/.test(size)) return undefined
  const bytes = Buffer.from(root, 'base64')
  return bytes.length === 32 ? { size: Number(size), root: bytes } : undefined
}

const NOTES = /(?:[^\n—][^\n]*\n){3,}\n(?:— [^\n]+\n)+/g

/** Consecutive notes in a text. A torn note at either end is left out, or its signature fails. */
export const notesIn = (text: string): string[] => text.match(NOTES) ?? []

/** The last checkpoint in the text that this log has signed. */
export function newestIn(text: string, verifier: Verifier): Tree | undefined {
  return notesIn(text).reduce<Tree | undefined>((newest, note) => openCheckpoint(note, verifier) ?? newest, undefined)
}
