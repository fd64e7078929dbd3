// Servers that start at the same time must not be given the same port, which is free for each of them until one listens.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freePorts } from '../ports.ts'

it('gives no port twice, however many ask at once', async () => {
  const ports = (await Promise.all(Array.from({ length: 20 }, () => freePorts(20)))).flat()
  expect(ports).toHaveLength(400)
  expect(new Set(ports).size).toBe(400)
})

it('gives no two processes the same, though all are free for each', async () => {
  const program = fileURLToPath(new URL('asks-for-ports.ts', import.meta.url))
  const asking = Array.from({ length: 2 }, () => fork(program, { execArgv: ['--import', 'tsx'] }))
  const answers = await Promise.all(asking.map((child) => once(child, 'message')))
  for (const child of asking) child.disconnect()
  const ports = answers.flatMap(([given]) => given)
  expect(ports).toHaveLength(40)
  expect(new Set(ports).size).toBe(40)
})
