// A checkpoint as C2SP tlog-checkpoint has it: which log, how large, and the root of its tree, in a signed note.
import type { Tree } from './checks.ts'
import { openNote, type Signer, signNote, type Verifier } from './note.ts'

/** Signed by the log that has the signer's name. */
export function signCheckpoint({ size, root }: Tree, signer: Signer): string {
  return signNote(`${signer.name}\n${size}\n${root.toString('base64')}\n`, signer)
}

/** The tree that this log has signed; undefined when it has not signed this. */
export function openCheckpoint(note: string, verifier: Verifier): Tree | undefined {
  const [origin, size = '', root = ''] = openNote(note, verifier)?.split('\n') ?? []
  if (origin !== verifier.name || !/^(0|[1-9][0-9]{0,15})$/.test(size)) return undefined
  const bytes = Buffer.from(root, 'base64')
  return bytes.length === 32 ? { size: Number(size), root: bytes } : undefined
}

const NOTES = /(?:[^\n—][^\n]*\n){3,}\n(?:— [^\n]+\n)+/g

/** Notes one after the other; what is torn at either end is left out, or opened by no key. */
export const notesIn = (text: string): string[] => text.match(NOTES) ?? []

/** The newest that this log has signed, by its place in the text. */
export function newestIn(text: string, verifier: Verifier): Tree | undefined {
  return notesIn(text).reduce<Tree | undefined>((newest, note) => openCheckpoint(note, verifier) ?? newest, undefined)
}
