// Servers that start at the same time must not be given the same port, which is free for each of them until one listens.
import { expect, it } from 'vitest'
import { freePorts } from '../ports.ts'

it('gives no port twice, however many ask at once', async () => {
  const ports = (await Promise.all(Array.from({ length: 20 }, () => freePorts(20)))).flat()
  expect(ports).toHaveLength(400)
  expect(new Set(ports).size).toBe(400)
})
