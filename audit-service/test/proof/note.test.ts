// Notes, checkpoints and keys, against the examples of C2SP and of Go's sumdb/note.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { newestIn, notesIn, openCheckpoint, signCheckpoint } from '../../proof/checkpoint.ts'
import { openNote, signerOf, signNote, textOfVerifier, verifierIn } from '../../proof/note.ts'
import { signingKey } from '../../proof/signing-key.ts'

const keyOf = (seed: string) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]),
    format: 'der',
    type: 'pkcs8',
  })
const signer = signerOf('example.com/log', keyOf('a'))
const other = signerOf('example.com/log', keyOf('b'))

/** From the documentation of golang.org/x/mod/sumdb/note. */
const PETER = verifierIn('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
const ROGERS = [
  'If you think cryptography is the answer to your problem,',
  "then you don't know what your problem is.",
  '',
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
  '',
].join('\n')

it('opens what Go has signed', () => {
  expect(openNote(ROGERS, PETER)).toBe(ROGERS.slice(0, ROGERS.indexOf('\n\n') + 1))
  expect(openNote(ROGERS.replace('answer', 'cause'), PETER)).toBeUndefined()
})

it('opens what it has signed, and only that', () => {
  const note = signNote('a\nb\n', signer)
  expect(openNote(note, signer)).toBe('a\nb\n')
  expect(openNote(note, other)).toBeUndefined()
  expect(openNote(note.replace('b\n', 'c\n'), signer)).toBeUndefined()
  expect(openNote('', signer)).toBeUndefined()
  const bySeveral = note + signNote('a\nb\n', other).split('\n\n')[1]
  expect([signer, other].map((one) => openNote(bySeveral, one))).toEqual(['a\nb\n', 'a\nb\n'])
})

it('writes a key as one line, and reads no other', () => {
  const text = textOfVerifier(signer)
  const read = verifierIn(`${text}\n`)
  expect(read.publicKey.equals(createPublicKey(keyOf('a')))).toBe(true)
  expect(textOfVerifier(read)).toBe(text)
  for (const wrong of ['', 'x', text.replace('example', 'other'), `${text}AAAA`])
    expect(() => verifierIn(wrong)).toThrow('this is no key of a log')
})

it('a checkpoint is of one log, one size and one root', () => {
  const root = Buffer.alloc(32, 7)
  const note = signCheckpoint({ size: 20_852_163, root }, signer)
  expect(note).toMatch(
    /^example\.com\/log\n20852163\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n— example\.com\/log \S+\n$/,
  )
  expect(openCheckpoint(note, signer)).toEqual({ size: 20_852_163, root })
  for (const text of ['another\n1\n', 'example.com/log\n01\n', 'example.com/log\n-1\n', 'example.com/log\n1\n'])
    expect(openCheckpoint(signNote(`${text}AAAA\n`, signer), signer)).toBeUndefined()
})

it('finds the newest of many, also where the file is torn at either end', () => {
  const notes = [1, 2, 3].map((size) => signCheckpoint({ size, root: Buffer.alloc(32, size) }, signer))
  const foreign = signCheckpoint({ size: 9, root: Buffer.alloc(32, 9) }, other)
  const text = [...notes, foreign].map((note) => `${note}\n`).join('')
  expect(notesIn(text)).toEqual([...notes, foreign])
  expect(newestIn(text, signer)?.size).toBe(3)
  expect(notesIn(notes.join(''))).toEqual(notes)
  expect(newestIn(text.slice(20, -150), signer)?.size).toBe(3)
  expect(
    newestIn(
      notes
        .map((note) => `${note}\n`)
        .join('')
        .slice(30, -20),
      signer,
    )?.size,
  ).toBe(2)
  expect(newestIn('', signer)).toBeUndefined()
})

it('a key is made once, is nobody else’s to read, and is used from then on', async () => {
  const folder = await scratchFolder()
  onTestFinished(() => folder.remove())
  const dataDir = join(folder.path, 'data')
  const made = signingKey(undefined, dataDir)
  expect(signingKey(undefined, dataDir).equals(made)).toBe(true)
  expect(await readdir(dataDir)).toEqual(['audit-signing-key.der'])
  expect((await stat(join(dataDir, 'audit-signing-key.der'))).mode & 0o777).toBe(0o600)
  const setting = made.export({ type: 'pkcs8', format: 'der' }).toString('base64')
  expect(signingKey(setting, folder.path).equals(made)).toBe(true)
})

it('a key that is none is said to be none, without its bytes', async () => {
  const folder = await scratchFolder()
  onTestFinished(() => folder.remove())
  await mkdir(join(folder.path, 'data'))
  await writeFile(join(folder.path, 'data', 'audit-signing-key.der'), 'secret')
  expect(() => signingKey(undefined, join(folder.path, 'data'))).toThrow(
    'audit-signing-key.der holds no Ed25519 private key',
  )
  expect(() => signingKey('c2VjcmV0', folder.path)).toThrow('AUDIT_SIGNING_KEY holds no Ed25519 private key')
})
