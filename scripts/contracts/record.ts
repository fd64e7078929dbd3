// Records what is released: today's contracts and questions, messages of a simulated run, and the sources, so that the next version can be
// checked against them and run beside them.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { registry, rpcs } from '@orders/shared/contracts'
import { contractsNow, questionsNow } from './released.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
/** What a build reads, without tests and words. */
const SOURCES = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'shared',
  '*-service',
  'scripts',
  ':!*/test/*',
  ':!*.md',
]
const EACH_TYPE = 2

/** @throws Error when that version is recorded already: what was released is never edited */
export async function record(version: string, releases: string): Promise<string> {
  const folder = join(releases, version)
  if (existsSync(folder))
    throw new Error(
      `${version} is recorded already, and a release never changes: set a new version in package.json first`,
    )
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  await writeFile(join(unfinished, 'contracts.json'), json(contractsNow(registry)))
  await writeFile(join(unfinished, 'questions.json'), json(questionsNow(rpcs)))
  await writeFile(join(unfinished, 'messages.jsonl'), `${(await messagesOf()).join('\n')}\n`)
  await writeFile(join(unfinished, 'sources.tgz'), await sources())
  await rename(unfinished, folder)
  return folder
}

/** The first few of each type that a simulated run publishes. */
async function messagesOf(): Promise<string[]> {
  // Loaded when it is needed: it is the whole system.
  const { simulate } = await import('../../tests/simulation/simulate.ts')
  const kept = new Map<string, Set<string>>()
  await simulate({
    seed: 1,
    orders: 60,
    copies: 1,
    tamper: {
      broker: (broker) => ({
        ...broker,
        publish(publication) {
          const { type = '' } = publication.properties
          const some = kept.get(type) ?? new Set()
          if (registry.contracts.has(type) && some.size < EACH_TYPE)
            kept.set(type, some.add(publication.body.toString('utf8')))
          return broker.publish(publication)
        },
      }),
    },
  })
  return [...kept.values()].flatMap((some) => [...some])
}

/** As they are committed. */
async function sources(): Promise<Buffer> {
  const options = { cwd: ROOT, encoding: 'buffer' as const, maxBuffer: 100_000_000 }
  const { stdout } = await run('git', ['archive', '--format=tar', 'HEAD', '--', ...SOURCES], options)
  return gzipSync(stdout, { level: 9 })
}
