// In a process of its own: what is loaded there is nobody else's.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('loads what makes the documents when somebody asks for them', () => {
  const program = fileURLToPath(new URL('docs-when-asked.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program])
  expect(String(stderr)).toBe('')
  expect(JSON.parse(String(stdout))).toEqual({ atStart: [], statusCode: 200, whenAsked: true })
})
