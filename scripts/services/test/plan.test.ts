// Which processes npm start would run, and on which ports.
import { describe, expect, it } from 'vitest'
import { copiesWanted, planServices } from '../plan.ts'

const summary = (environment: NodeJS.ProcessEnv, copies?: number) =>
  planServices(environment, 'amqp://broker', copies).map(({ label, port }) => `${label} ${port}`)

describe('npm start', () => {
  it('runs one process per service on the ports of the table', () => {
    expect(summary({})).toEqual([
      'order 8080',
      'inventory 8081',
      'payment 8082',
      'shipping 8083',
      'notification 8084',
      'audit 8085',
    ])
  })

  it('gives each copy ports of its own, and tells it of them by PORT_BASE', () => {
    const plan = planServices({ PORT_BASE: '9000', PORT: '1' }, 'amqp://broker', 3)
    const ports = plan.map(({ port }) => port)
    expect(new Set(ports).size).toBe(18)
    expect(plan.filter(({ entry }) => entry.startsWith('audit')).map(({ label, port }) => `${label} ${port}`)).toEqual([
      'audit#1 9005',
      'audit#2 9015',
      'audit#3 9025',
    ])
    for (const [index, { port, environment }] of plan.entries()) {
      expect(Number(environment.PORT_BASE) + (index % 6)).toBe(port)
      expect(environment.PORT).toBeUndefined()
    }
  })

  it('refuses ports that do not exist', () => {
    expect(() => summary({ PORT_BASE: 'high' })).toThrow('PORT_BASE must be a port number')
    expect(() => summary({ PORT_BASE: '65530' })).not.toThrow()
    expect(() => summary({ PORT_BASE: '65530' }, 2)).toThrow('PORT_BASE must be a port number')
  })

  it('reads how many copies are wanted', () => {
    expect(copiesWanted([])).toBe(1)
    expect(copiesWanted(['--copies', '2'])).toBe(2)
    expect(copiesWanted(['--copies=16'])).toBe(16)
  })

  it.each([['--copies', '0'], ['--copies', '17'], ['--copies', '1.5'], ['--copies', 'two'], ['--copy', '2'], ['2']])(
    'says how to use it when told %s %s',
    (...args: string[]) => {
      expect(() => copiesWanted(args)).toThrow('npm start -- --copies 2')
    },
  )
})
