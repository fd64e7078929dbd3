// Files made of templates, in which a word in braces stands for another: all of them, or none.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export type Words = Record<string, string>

export function filled(text: string, words: Words): string {
  return Object.entries(words).reduce((whole, [name, word]) => whole.replaceAll(`{${name}}`, () => word), text)
}

/**
 * Writes each file of its template, in folders that are made if need be. Where one cannot be written, those before it are removed.
 *
 * @throws Error when one is there already
 */
export async function writeAll(files: readonly { path: string; template: string }[], words: Words): Promise<void> {
  const texts = await Promise.all(files.map(({ template }) => readFile(template, 'utf8')))
  const written: string[] = []
  try {
    for (const [index, { path }] of files.entries()) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, filled(texts[index] ?? '', words), { flag: 'wx' })
      written.push(path)
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path)))
    throw error
  }
}
