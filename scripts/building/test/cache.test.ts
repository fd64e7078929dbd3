// The build that npm start runs: made once, and never an old, a damaged or an unfinished one.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { currentBuild } from '../cache.mjs'

/** A project of one service, whose build is a copy of it. */
async function project(whileBuilding: (root: string, count: number) => void = () => undefined) {
  const { path: root, remove } = await scratchFolder()
  onTestFinished(remove)
  for (const folder of ['a-service/test', 'scripts', 'cache']) mkdirSync(join(root, folder), { recursive: true })
  const write = (path: string, text: string) => writeFileSync(join(root, path), text)
  write('package.json', '{"workspaces":["a-service"]}')
  for (const path of ['package-lock.json', 'tsconfig.json', 'scripts/start.ts', 'a-service/001.sql']) write(path, '{}')
  write('a-service/main.ts', 'first')
  const said: string[] = []
  let built = 0
  const build = async (folder: string) => {
    built++
    whileBuilding(root, built)
    mkdirSync(join(folder, 'chunks'))
    writeFileSync(join(folder, 'main.js'), readFileSync(join(root, 'a-service/main.ts')))
    writeFileSync(join(folder, 'chunks', 'a.js'), `of build ${built}`)
    // Two who build at the same moment take turns here.
    await new Promise(setImmediate)
  }
  const cache = join(root, 'cache')
  return {
    root,
    cache,
    write,
    said,
    built: () => built,
    current: () => currentBuild((line) => said.push(line), { root, cache, build }),
  }
}

const mainOf = (folder: string) => readFileSync(join(folder, 'main.js'), 'utf8')

describe('the build', () => {
  it('is made once, and said to be', async () => {
    const { current, built, said } = await project()
    const folder = await current()
    expect(await current()).toBe(folder)
    expect([mainOf(folder), built(), said.length]).toEqual(['first', 1, 1])
  })

  it.each(['a-service/main.ts', 'a-service/001.sql', 'a-service/added.ts', 'scripts/start.ts', 'package-lock.json'])(
    'is made anew when %s has changed',
    async (path) => {
      const { current, built, write } = await project()
      const before = await current()
      write(path, 'second')
      const after = await current()
      expect([after === before, built()]).toEqual([false, 2])
      expect(mainOf(after)).toBe(path === 'a-service/main.ts' ? 'second' : 'first')
      // Whoever was started from it may go on loading from it.
      expect(mainOf(before)).toBe('first')
    },
  )

  it('stays when a test or a page has changed', async () => {
    const { current, write } = await project()
    const before = await current()
    write('a-service/test/a.test.ts', 'second')
    write('a-service/README.md', 'second')
    expect(await current()).toBe(before)
  })

  const damages: [string, (folder: string) => void][] = [
    ['is cut short', (folder) => truncateSync(join(folder, 'main.js'), 3)],
    ['says something else', (folder) => writeFileSync(join(folder, 'chunks', 'a.js'), 'b chunk')],
    ['is missing', (folder) => rmSync(join(folder, 'chunks', 'a.js'))],
    ['was never there', (folder) => writeFileSync(join(folder, 'chunks', 'b.js'), '')],
    ['tells whether it is whole is empty', (folder) => truncateSync(join(folder, 'checksum'))],
    ['tells whether it is whole is missing', (folder) => rmSync(join(folder, 'checksum'))],
  ]
  it.each(damages)('is made anew when a file of it %s', async (_, damage) => {
    const { current, built } = await project()
    const folder = await current()
    damage(folder)
    expect(await current()).toBe(folder)
    expect([mainOf(folder), readdirSync(join(folder, 'chunks')), built()]).toEqual(['first', ['a.js'], 2])
  })

  it('is of the sources as they are when it is finished, though somebody saves one meanwhile', async () => {
    const { current, built, write } = await project((root, count) => {
      if (count === 1) writeFileSync(join(root, 'a-service/main.ts'), 'second')
    })
    expect([mainOf(await current()), built()]).toEqual(['second', 2])
    write('a-service/main.ts', 'first')
    expect(mainOf(await current())).toBe('first')
  })

  it('is the same for two who ask at the same moment: the first one’s, who may run from it already', async () => {
    const { current, built, cache } = await project()
    const [one, other] = await Promise.all([current(), current()])
    expect([other, mainOf(one), built()]).toEqual([one, 'first', 2])
    expect(readFileSync(join(one, 'chunks', 'a.js'), 'utf8')).toBe('of build 1')
    expect(readdirSync(cache)).toHaveLength(1)
  })

  it('leaves nothing behind when it fails, and is tried again', async () => {
    const { current, cache } = await project((_, count) => {
      if (count === 1) throw new Error('no TypeScript')
    })
    await expect(current()).rejects.toThrow('no TypeScript')
    expect(readdirSync(cache)).toEqual([])
    expect(mainOf(await current())).toBe('first')
  })

  it('takes the place of the oldest, and of what somebody left unfinished long ago', async () => {
    const { current, cache, write } = await project()
    const longAgo = new Date('2026-01-01')
    const oldest = await current()
    for (const folder of [oldest, join(cache, 'unfinished-old'), join(cache, 'unfinished-new')]) {
      mkdirSync(folder, { recursive: true })
      if (!folder.endsWith('new')) utimesSync(folder, longAgo, longAgo)
    }
    for (let release = 1; release <= 10; release++) {
      write('a-service/main.ts', String(release))
      await current()
    }
    expect([existsSync(oldest), existsSync(join(cache, 'unfinished-old'))]).toEqual([false, false])
    expect(readdirSync(cache)).toHaveLength(10 + 1)
  })
})
