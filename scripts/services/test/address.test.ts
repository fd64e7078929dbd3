// Where commands find a service, and with which token.
import { expect, it } from 'vitest'
import { addressOf } from '../address.ts'

it('is where the settings of the service say', () => {
  expect(addressOf('audit', {})).toEqual({ url: 'http://127.0.0.1:8085', token: undefined, headers: {} })
  expect(addressOf('audit', { PORT_BASE: '9000', HOST: '0.0.0.0' }).url).toBe('http://127.0.0.1:9005')
  expect(addressOf('order', { PORT_BASE: '9000', HOST: '10.0.0.7' }).url).toBe('http://10.0.0.7:9000')
  expect(addressOf('order', { PORT: '7000' }).url).toBe('http://127.0.0.1:7000')
})

it('names the first operator’s token', () => {
  const tokens = ['a', 'b'].map((letter) => letter.repeat(24))
  const { token, headers } = addressOf('audit', { OPERATOR_TOKENS: tokens.join(',') })
  expect(token).toBe(tokens[0])
  expect(headers).toEqual({ authorization: `Bearer ${tokens[0]}` })
})
