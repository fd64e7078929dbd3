// Which processes npm start would run, and on which ports.
import { services } from '@orders/shared/contracts'
import { describe, expect, it } from 'vitest'
import { planServices, TO_CONSOLE, wanted } from '../plan.ts'

const summary = (environment: NodeJS.ProcessEnv, copies?: number) =>
  planServices(environment, 'amqp://broker', { copies }).map(({ label, port }) => `${label} ${port}`)

describe('npm start', () => {
  it('runs one process per service on the ports of the table', () => {
    expect(summary({})).toEqual(services.map((name, place) => `${name} ${8080 + place}`))
    expect(summary({})).toContain('audit 8085')
  })

  it('gives each copy ports of its own, and tells it of them by PORT_BASE', () => {
    const plan = planServices({ PORT_BASE: '9000', PORT: '1' }, 'amqp://broker', { copies: 3 })
    const ports = plan.map(({ port }) => port)
    expect(new Set(ports).size).toBe(3 * services.length)
    expect(plan.filter(({ entry }) => entry.startsWith('audit')).map(({ label, port }) => `${label} ${port}`)).toEqual([
      'audit#1 9005',
      'audit#2 9015',
      'audit#3 9025',
    ])
    for (const [index, { port, environment }] of plan.entries()) {
      expect(Number(environment.PORT_BASE) + (index % services.length)).toBe(port)
      expect(environment.PORT).toBeUndefined()
    }
  })

  it('loads what traces into each, beside what Node is told already', () => {
    const told = { NODE_OPTIONS: '--no-warnings' }
    for (const { environment } of planServices(told, 'amqp://broker', { trace: '/my traces/sdk.mjs' }))
      expect(environment.NODE_OPTIONS).toBe('--no-warnings --import=file:///my%20traces/sdk.mjs')
    for (const { environment } of planServices({}, 'amqp://broker'))
      expect(environment).not.toHaveProperty('NODE_OPTIONS')
  })

  it('sends spans to the console of the first copy, with an operator’s token, unless they are wanted elsewhere', () => {
    const told = { OPERATOR_TOKENS: 'ada:a secret/1,other', PORT_BASE: '9000' }
    const [first] = planServices(told, 'amqp://broker', { trace: TO_CONSOLE, copies: 2 })
    expect(first?.environment).toMatchObject({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:9005/v1/traces',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20a%20secret%2F1',
      NODE_OPTIONS: expect.stringMatching(/^--import=file:.*scripts\/services\/tracing\.mjs$/),
    })
    const elsewhere = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318' }
    const [other] = planServices(elsewhere, 'amqp://broker', { trace: TO_CONSOLE })
    expect(other?.environment).not.toHaveProperty('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  })

  it('refuses ports that do not exist', () => {
    expect(() => summary({ PORT_BASE: 'high' })).toThrow('PORT_BASE must be a port number')
    const highest = String(65_535 - services.length + 1)
    expect(() => summary({ PORT_BASE: highest })).not.toThrow()
    expect(() => summary({ PORT_BASE: highest }, 2)).toThrow('PORT_BASE must be a port number')
  })

  it('reads how many copies are wanted', () => {
    expect(wanted([])).toEqual({ copies: 1, trace: undefined })
    expect(wanted(['--copies', '2'])).toMatchObject({ copies: 2 })
    expect(wanted(['--copies=16', '--trace', 'x.mjs'])).toEqual({ copies: 16, trace: 'x.mjs' })
    expect(wanted(['--trace'])).toEqual({ copies: 1, trace: TO_CONSOLE })
    expect(wanted(['--trace', '--copies', '2'])).toEqual({ copies: 2, trace: TO_CONSOLE })
  })

  it.each([['--copies', '0'], ['--copies', '17'], ['--copies', '1.5'], ['--copies', 'two'], ['--copy', '2'], ['2']])(
    'says how to use it when told %s %s',
    (...args: string[]) => {
      expect(() => wanted(args)).toThrow('npm start -- --copies 2')
    },
  )
})
