// Configuration: read once, every fault told at once, nothing secret repeated.
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { BrokenError, CommonConfig, configWith, readConfig, variableOf } from '../index.ts'

const Config = configWith({
  paymentConfirmAboveCents: Type.Integer({ minimum: 0, default: 100_000 }),
  ratio: Type.Number({ minimum: 0, maximum: 1, default: 0.5 }),
  strict: Type.Boolean({ default: false }),
  region: Type.Optional(Type.String()),
})

const faultOf = (environment: Record<string, string>, schema = Config) => {
  try {
    readConfig(schema, environment)
  } catch (error) {
    return error instanceof BrokenError ? error : undefined
  }
  return undefined
}

describe('readConfig', () => {
  it('needs nothing: every setting has a default or may be left out', () => {
    expect(readConfig(Config, {})).toEqual({
      portBase: 8080,
      host: '127.0.0.1',
      encryptPersonal: true,
      amqpUrl: 'amqp://guest:guest@localhost:5672',
      dataDir: '.data',
      logLevel: 'info',
      httpRequestsMax: 500,
      httpConnectionsMax: 4_096,
      keepDays: '400',
      keepNotesDays: '30',
      retryLookMs: 500,
      shutdownMs: 8_000,
      paymentConfirmAboveCents: 100_000,
      ratio: 0.5,
      strict: false,
    })
  })

  it('reads variables by the settings’ names', () => {
    const environment = {
      PAYMENT_CONFIRM_ABOVE_CENTS: '250',
      RATIO: '0.25',
      STRICT: 'true',
      REGION: 'eu',
      AMQP_URL: 'amqps://u:p@one,two',
      PORT: '9000',
      UNRELATED: 'ignored',
    }
    expect(readConfig(Config, environment)).toMatchObject({
      paymentConfirmAboveCents: 250,
      ratio: 0.25,
      strict: true,
      region: 'eu',
      amqpUrl: 'amqps://u:p@one,two',
      port: 9_000,
    })
    expect(variableOf('paymentConfirmAboveCents')).toBe('PAYMENT_CONFIRM_ABOVE_CENTS')
  })

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig(Config, { PORT_BASE: '', REGION: '', STRICT: '', RATIO: '' })).toEqual(readConfig(Config, {}))
  })

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('reads the switch %j', (text, value) => {
    expect(readConfig(Config, { STRICT: text }).strict).toBe(value)
  })

  it.each<Record<string, string>>([
    { STRICT: 'yes' },
    { STRICT: 'True' },
    { PORT: 'http' },
    { PORT: '80.5' },
    { PORT: ' ' },
    { PORT: '0' },
    { PORT: '70000' },
    { RATIO: 'NaN' },
    { RATIO: 'Infinity' },
    { RATIO: '2' },
    { LOG_LEVEL: 'loud' },
    { AMQP_URL: 'localhost' },
    { OPERATOR_TOKENS: 'short' },
    { OPERATOR_TOKENS: 'long-enough-token-1, long-enough-token-2' },
  ])('refuses %j by the variable’s name', (environment) => {
    const [name = ''] = Object.keys(environment)
    expect(faultOf(environment)).toMatchObject({
      code: 'bad_configuration',
      message: expect.stringMatching(new RegExp(`^configuration: .*${name}`)),
    })
  })

  it('tells every fault at once', () => {
    const faulty = {
      PORT_BASE: 'x',
      PORT: 'x',
      AMQP_URL: 'x',
      LOG_LEVEL: 'x',
      LOG_PRETTY: 'x',
      OPERATOR_TOKENS: 'x',
      CUSTOMER_TOKENS: 'x',
      SHUTDOWN_MS: 'x',
      PAYMENT_CONFIRM_ABOVE_CENTS: 'x',
      RATIO: 'x',
      STRICT: 'x',
    }
    const message = faultOf(faulty)?.message ?? ''
    expect(Object.keys(faulty).filter((name) => !message.includes(name))).toEqual([])
  })

  it('names a required setting that is not there', () => {
    const schema = configWith({ ...Config.properties, gatewayUrl: Type.String() })
    expect(faultOf({}, schema)?.message).toContain('GATEWAY_URL')
  })

  it('repeats no password and no token', () => {
    const message = faultOf({ AMQP_URL: 'http://user:hush@host', OPERATOR_TOKENS: 'hush, hush', PORT: 'seen' })?.message
    expect(message).not.toContain('hush')
    expect(message).toContain('PORT=seen')
  })

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig(Config, {}))).toBe(true)
  })

  it('describes every common setting, for .env.example', () => {
    const undescribed = Object.entries(CommonConfig.properties).filter(([, property]) => !('description' in property))
    expect(undescribed).toEqual([])
  })
})
