// Generated files say what the code says now.
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { generated } from '../../scripts/generate/files.ts'

it('every generated file is up to date (npm run generate writes them)', async () => {
  for (const [path, text] of await generated()) expect(await readFile(path, 'utf8'), path).toBe(text)
})
