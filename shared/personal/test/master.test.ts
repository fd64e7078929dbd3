// Where the master key comes from, and what is said when it is none.
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { keepingLog, scratchFolder } from '../../testing/index.ts'
import { openMaster } from '../master.ts'

const base64 = (text: string) => Buffer.alloc(32, text).toString('base64')
const key = Buffer.alloc(32, 'somebody’s')

async function folder(): Promise<string> {
  const { path, remove } = await scratchFolder()
  onTestFinished(remove)
  return path
}

it('without a setting, a key is made once, for its owner’s eyes, and the log says so once', async () => {
  const dataDir = await folder()
  const { log, lines } = await keepingLog()
  const masters = Array.from({ length: 6 }, () => openMaster({ dataDir }, log))
  expect(new Set(masters.map(({ id }) => id)).size).toBe(1)
  expect(readdirSync(dataDir)).toEqual(['master.key'])
  expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600)
  expect(lines.map(({ msg }) => msg)).toEqual([
    'a master key was made for personal data: in production set MASTER_KEY, and keep it elsewhere',
  ])
})

it('an earlier master key opens what it has wrapped, and wraps nothing', async () => {
  const dataDir = await folder()
  const { log } = await keepingLog()
  const before = openMaster({ masterKey: base64('one'), dataDir }, log)
  const after = openMaster({ masterKey: base64('two'), masterKeyPrevious: base64('one'), dataDir }, log)
  expect(after.unwrap(before.wrap(key), before.id)).toEqual(key)
  expect(before.unwrap(after.wrap(key), after.id)).toBeUndefined()
})

it('a file serves as well, and one that holds no key is refused with what to do', async () => {
  const dataDir = await folder()
  const { log } = await keepingLog()
  const path = join(dataDir, 'given')
  writeFileSync(path, `${base64('one')}\n`)
  expect(openMaster({ masterKeyFile: path, dataDir }, log).id).toBe(
    openMaster({ masterKey: base64('one'), dataDir }, log).id,
  )
  writeFileSync(path, 'a password')
  expect(() => openMaster({ masterKeyFile: path, dataDir }, log)).toThrow(/must be 32 in base64.*openssl rand/)
  expect(() => openMaster({ masterKeyFile: join(dataDir, 'missing'), dataDir }, log)).toThrow(/cannot be read/)
})
