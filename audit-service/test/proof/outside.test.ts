// The files of checkpoints may be moved away while they are written to.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { notesIn, openCheckpoint, signCheckpoint } from '../../proof/checkpoint.ts'
import { outsideAt } from '../../proof/outside.ts'
import { signer } from '../keeping.ts'

const signed = (size: number) => signCheckpoint({ size, root: Buffer.alloc(32, size) }, signer)

it('a file that logrotate has moved away is begun anew, and read at the start until one is in it', async () => {
  const folder = await scratchFolder()
  onTestFinished(() => folder.remove())
  const path = join(folder.path, 'checkpoints')
  const outside = outsideAt(path, signer)
  await outside.write(signed(7))
  await rename(path, `${path}.1`)
  expect(await outsideAt(path, signer).newest()).toMatchObject({ size: 7 })
  await writeFile(path, '')
  expect(await outsideAt(path, signer).newest()).toMatchObject({ size: 7 })
  await outside.write(signed(8))
  expect(notesIn(await readFile(path, 'utf8')).map((note) => openCheckpoint(note, signer)?.size)).toEqual([8])
  expect(await outsideAt(path, signer).newest()).toMatchObject({ size: 8 })
})

it('a checkpoint is of some two hundred bytes', () => {
  expect(signed(9_999_999).length).toBeLessThan(250)
})
