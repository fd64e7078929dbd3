// What a build has checked, and only that, no start checks again.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { checkedTemplatesIn, noteChecked } from '../rendering/checked.ts'
import { readTemplateFiles, versionOf } from '../rendering/template-files.ts'

const SUBJECT = 'order.paid/en/subject.hbs'
const FAULT = {
  code: 'template_broken',
  message: expect.stringContaining(`${SUBJECT}:1 {{oderId}} is not in the schema`),
}

/** A service's folder with its templates. */
async function folderOf() {
  const { path, remove } = await scratchFolder()
  onTestFinished(remove)
  cpSync(join(import.meta.dirname, '..', 'templates'), join(path, 'templates'), { recursive: true })
  return {
    path,
    note: join(path, 'templates-checked'),
    change: (text: string) => writeFileSync(join(path, 'templates', SUBJECT), text),
    version: () => versionOf(readTemplateFiles(join(path, 'templates'))),
  }
}

it('a start checks everything where no build has', async () => {
  const { path, note, change } = await folderOf()
  expect(checkedTemplatesIn(path).locales.get('order.paid')).toContain('en')
  change('{{oderId}}')
  expect(() => checkedTemplatesIn(path)).toThrow(expect.objectContaining(FAULT))
  expect(existsSync(note)).toBe(false)
})

it('a start checks what was changed since the build', async () => {
  const { path, note, change, version } = await folderOf()
  noteChecked(path)
  expect(readFileSync(note, 'utf8')).toBe(version())
  change('{{oderId}}')
  expect(() => checkedTemplatesIn(path)).toThrow(expect.objectContaining(FAULT))
})

it('a start takes the word of its build for the very files that it names', async () => {
  const { path, note, change, version } = await folderOf()
  change('{{oderId}}')
  writeFileSync(note, version())
  expect(() => checkedTemplatesIn(path)).not.toThrow()
})

it('a build does not note what is broken, and leaves it to the start to tell', async () => {
  const { path, note, change } = await folderOf()
  change('{{oderId}}')
  noteChecked(path)
  expect(existsSync(note)).toBe(false)
})
