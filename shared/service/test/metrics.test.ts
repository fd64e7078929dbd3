// A service's own gauges: read seldom, however often the metrics are asked for, and none while they cannot be read.

import { expect, it } from 'vitest'
import { registry } from '../../contracts/index.ts'
import { createMetrics } from '../metrics.ts'

it('gives what a service reads, and reads it again when that is five seconds old', async () => {
  let nowMs = 10_000
  const metrics = createMetrics(
    'test-service',
    registry,
    () => undefined,
    () => nowMs,
  )
  let reads = 0
  let isReadable = true
  metrics.own({
    label: 'status',
    gauges: [
      { name: 'things', help: 'How many.' },
      { name: 'things_oldest_seconds', help: 'How old.' },
    ],
    async read() {
      reads += 1
      if (!isReadable) throw new Error('the database is away')
      return [{ label: 'open', values: [reads, 30] }]
    },
  })
  const lines = async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('things'))
  const first = [
    'things{status="open",service="test-service"} 1',
    'things_oldest_seconds{status="open",service="test-service"} 30',
  ]
  expect(await lines()).toEqual(first)
  nowMs += 4_999
  expect(await lines()).toEqual(first)
  nowMs += 1
  expect((await lines())[0]).toBe('things{status="open",service="test-service"} 2')
  isReadable = false
  nowMs += 5_000
  expect(await lines()).toEqual([])
})
