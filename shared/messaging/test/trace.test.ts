// W3C Trace Context: one trace from the first request to the last notification.
import { describe, expect, it } from 'vitest'
import { nextTraceparent } from '../trace.ts'

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

describe('nextTraceparent', () => {
  it('goes on with a trace under a new parent id, and keeps its sampling', () => {
    const next = nextTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00')
    expect(next).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/)
    expect(next).not.toContain('b7ad6b7169203331')
  })

  it.each([undefined, null, 7, '', 'garbage', '00-short-b7ad6b7169203331-01', ['00']])(
    'begins a new one for %j',
    (parent) => {
      const one = FORM.exec(nextTraceparent(parent))
      const other = FORM.exec(nextTraceparent(parent))
      expect(one).not.toBeNull()
      expect(one?.[1]).not.toBe(other?.[1])
    },
  )

  it('does not go on with the all-zero trace, which the standard calls invalid', () => {
    expect(nextTraceparent(`00-${'0'.repeat(32)}-b7ad6b7169203331-01`)).not.toContain('0'.repeat(32))
  })
})
