// What is made on the kernel is broken by the kernel's own chaos: real processes over a real broker, killed at its instants. A library
// holds, and one whose kernel acks too early is found out.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePorts } from '../../scripts/processes/ports.ts'
import { makeProject, type OwnProject } from '../support/own-project.ts'
import { createVhost } from '../support/vhost.ts'

let project: OwnProject

beforeAll(async () => {
  project = await makeProject()
}, 120_000)

afterAll(() => project?.remove())

/** `stdout` is its verdict, whether everything held or not. */
async function broken(seed: number, stuckAfterSeconds: number): Promise<string> {
  const vhost = await createVhost()
  try {
    const [port] = await freePorts(1)
    const terms = { seed, seconds: 20, port, 'stuck-after': stuckAfterSeconds }
    const args = Object.entries(terms).flatMap(([name, value]) => [`--${name}`, String(value)])
    const run = project.npm(['run', 'chaos', '--', ...args], { AMQP_URL: vhost.amqpUrl, MANAGEMENT_URL: 'off' })
    return (await run.catch((failed: { stdout: string }) => failed)).stdout
  } finally {
    await vhost.remove()
  }
}

it('every book is asked for or back, once, whatever dies', async () => {
  const said = await broken(1, 60)
  expect(said).toContain('All checks passed.')
  expect(said).toMatch(/^killed: ([2-9]|\d\d)$/m)
}, 240_000)

it('a kernel that acks what it has yet to commit is found out', async () => {
  const path = join(project.kernel, 'handling', 'consumer.js')
  const text = await readFile(path, 'utf8')
  const wrong = text.replace(
    /(async function settle\(delivery\) \{)/,
    '$1\n delivery.ack(); delivery = { ...delivery, ack() {} }; await new Promise((go) => setTimeout(go, 300));',
  )
  expect(wrong).not.toBe(text)
  await writeFile(path, wrong)
  const said = await broken(1, 10)
  await writeFile(path, text)
  expect(said).toContain('A check FAILED')
  expect(said).toContain('nothing moves any more, and there is left: loans')
}, 240_000)
