// What a route can refuse with follows from what it asks for, and from what it says of itself.
import { describe, expect, it } from 'vitest'
import { type Asked, refusalsOf } from '../answers.ts'

const open: Asked = { method: 'GET', access: undefined }
const codesOf = (asked: Asked, status: number) => refusalsOf(asked).find((one) => one.status === status)?.codes ?? []
const nameOf = (asked: Asked, status: number) => refusalsOf(asked).find((one) => one.status === status)?.name

describe('refusals', () => {
  it('of a route that asks for nothing are those of every route', () => {
    expect(refusalsOf(open).map(({ name }) => name)).toEqual([
      '400',
      '408',
      '414',
      '415',
      '417',
      '429',
      '431',
      '500',
      '503',
    ])
    expect(codesOf(open, 400)).not.toContain('invalid_input')
  })

  it('of a route with input know faulty fields', () => {
    expect(codesOf({ ...open, schema: { querystring: {} } }, 400)).toContain('invalid_input')
  })

  it('of a route that takes a body know bad ones', () => {
    const asked = { ...open, method: 'DELETE' }
    expect(codesOf(asked, 400)).toContain('malformed_json')
    expect(codesOf(asked, 413)).toEqual(['body_too_large'])
  })

  it('of a route behind a token know who may not, which no customer’s route says of a valid one', () => {
    expect(codesOf({ ...open, access: 'operator' }, 403)).toEqual(['token_refused'])
    expect(codesOf({ ...open, access: 'customer' }, 401)).toEqual(['token_required', 'token_unknown'])
    expect(codesOf({ ...open, access: 'customer' }, 403)).toEqual([])
  })

  it('are its own too, and have one name with those of routes that refuse alike', () => {
    const own = (code: string): Asked => ({ ...open, schema: { problems: { 404: [code], 503: ['backlog_full'] } } })
    expect(codesOf(own('no_such_thing'), 404)).toEqual(['no_such_thing'])
    expect(codesOf(own('no_such_thing'), 503)).toEqual([...codesOf(open, 503), 'backlog_full'])
    expect(nameOf(own('no_such_thing'), 404)).toBe(nameOf({ ...own('no_such_thing'), method: 'POST' }, 404))
    expect(nameOf(own('no_such_thing'), 404)).not.toBe(nameOf(own('no_such_other'), 404))
  })
})
