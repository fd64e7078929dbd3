// The benchmark's bare choreography follows the topology: what it reacts to is what its queues are bound to hear.
import { describe, expect, it } from 'vitest'
import { consumedQueues, reactionsOf } from '../../bench/choreography.ts'
import { plainFlow } from '../../bench/flow.ts'

const AUDIT = 'audit.queue'
const { publications, deliveries } = plainFlow()

describe('the bare choreography', () => {
  it('knows every message that comes to its queues, and no other', () => {
    const known = consumedQueues.flatMap((queue) => [...reactionsOf(queue).keys()].map((type) => `${queue} ${type}`))
    const heard = Object.keys(deliveries).filter((delivery) => !delivery.startsWith(AUDIT))
    expect(heard.sort()).toEqual(known.sort())
  })

  it('takes each of its publications to the audit but the timer, and to whoever else is bound', () => {
    const audited = Object.entries(deliveries).filter(([delivery]) => delivery.startsWith(AUDIT))
    const times = (entries: [string, number][]) => entries.reduce((sum, [, count]) => sum + count, 0)
    expect({ publications, audited: times(audited), all: times(Object.entries(deliveries)) }).toEqual({
      publications: 18,
      audited: 17,
      all: 34,
    })
  })
})
