// A seed decides everything that is asked for and everything that is broken; other seeds, other runs.
import { describe, expect, it } from 'vitest'
import { commandOf, readOptions } from '../options.ts'
import { orderNumber, restockNumber } from '../orders.ts'
import { randomFrom } from '../random.ts'
import { databases, faultKindsOf, killInstants, mailMoods, planFaults } from '../schedule.ts'

const minute = { minutes: 1, faults: faultKindsOf('sqlite'), copies: 2 }
const orders = (seed: number) =>
  Array.from({ length: 500 }, (_, number) => orderNumber(number, { seed, patient: true }))
const restocks = (seed: number) => Array.from({ length: 50 }, (_, number) => restockNumber(number, seed))

describe('a seed', () => {
  it('gives the same plan of faults every time, and another seed another', () => {
    expect(planFaults({ seed: 7, ...minute })).toEqual(planFaults({ seed: 7, ...minute }))
    expect(planFaults({ seed: 7, ...minute })).not.toEqual(planFaults({ seed: 8, ...minute }))
  })

  it('gives the same orders every time, and another seed others', () => {
    expect(orders(7)).toEqual(orders(7))
    expect(restocks(7)).toEqual(restocks(7))
    expect(orders(7).map(({ followUps }) => followUps)).not.toEqual(orders(8).map(({ followUps }) => followUps))
    expect(restocks(7)).not.toEqual(restocks(8))
  })

  it('gives numbers that are spread evenly', () => {
    const random = randomFrom(1)
    const numbers = Array.from({ length: 10_000 }, () => random.next())
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = numbers.filter((number) => number >= tenth / 10 && number < (tenth + 1) / 10).length
      expect(share).toBeGreaterThan(850)
      expect(share).toBeLessThan(1_150)
    }
  })

  it('is shuffled without loss', () => {
    const list = Array.from({ length: 100 }, (_, index) => index)
    const shuffled = randomFrom(3).shuffle(list)
    expect(shuffled).not.toEqual(list)
    expect([...shuffled].sort((a, b) => a - b)).toEqual(list)
  })
})

describe('the plan of faults', () => {
  it('of a minute holds every kind, every instant and every mood, within its time', () => {
    for (const [seed, database] of [1, 2, 3, 4, 5].flatMap((one) => databases.map((other) => [one, other] as const))) {
      const faults = faultKindsOf(database)
      const plan = planFaults({ seed, ...minute, faults, minutes: 1.5 })
      expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(faults))
      const instants = plan.flatMap((fault) => (fault.kind === 'instant' ? [fault.instant] : []))
      expect(new Set(instants)).toEqual(new Set(killInstants))
      const moods = plan.flatMap((fault) => (fault.kind === 'mail' ? [fault.mood] : []))
      expect(new Set(moods)).toEqual(new Set(mailMoods))
      expect(plan.filter(({ atMs }) => atMs < 0 || atMs >= 90_000)).toEqual([])
    }
  })

  it('holds only what is asked for', () => {
    const plan = planFaults({ seed: 1, minutes: 1, faults: ['kill', 'broker'], copies: 1 })
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(['kill', 'broker']))
    expect(planFaults({ seed: 1, minutes: 1, faults: ['migration'], copies: 1 })).toHaveLength(1)
  })

  it('hits every copy', () => {
    const copies = planFaults({ seed: 1, ...minute, minutes: 5 }).flatMap((fault) =>
      'copy' in fault ? [fault.copy] : [],
    )
    expect(new Set(copies)).toEqual(new Set([1, 2]))
  })
})

describe('the load', () => {
  it('holds every kind of order', () => {
    const plan = orders(1)
    const methods = new Set(plan.map(({ form }) => form.paymentMethod))
    expect(methods).toEqual(new Set([undefined, 'tok_declined', 'tok_slow', 'tok_gateway_down', 'tok_answer_lost']))
    const actions = new Set(plan.flatMap(({ followUps }) => followUps.map(({ action }) => action)))
    expect(actions).toEqual(new Set(['cancel', 'confirm', 'repeat', 'repeat-changed']))
    const has = (isMeant: (order: (typeof plan)[number]) => boolean) => plan.some(isMeant)
    expect(has(({ form }) => form.shippingAddress === 'nowhere')).toBe(true)
    expect(has(({ form }) => form.priority === 'express')).toBe(true)
    expect(has(({ form }) => form.items.some(({ sku }) => sku === 'soldout'))).toBe(true)
    expect(has(({ form }) => form.contact?.phone !== undefined)).toBe(true)
    expect(has(({ form, key }) => form.orderId === undefined && key !== undefined)).toBe(true)
    expect(has(({ key }) => key === undefined)).toBe(true)
  })

  it('holds no order that takes half a minute where there is none left', () => {
    const hurried = Array.from({ length: 500 }, (_, number) => orderNumber(number, { seed: 1, patient: false }))
    expect(hurried.filter(({ form }) => /down|lost/.test(form.paymentMethod ?? ''))).toEqual([])
  })
})

describe('the command line', () => {
  it('has defaults, and a seed of its own each time', () => {
    const options = readOptions([], 4711)
    expect(options).toEqual({
      seed: 4711,
      minutes: 1,
      faults: faultKindsOf('sqlite'),
      database: 'sqlite',
      copies: 1,
      rate: 20,
    })
    expect(commandOf(options)).toBe('npm run chaos -- --seed 4711 --minutes 1')
  })

  it('says the command that runs the same again', () => {
    const args = ['--seed', '5', '--minutes', '0.5', '--faults', 'broker,kill', '--copies', '2', '--rate', '60']
    const options = readOptions(args, 1)
    const command = commandOf(options)
    expect(command).toBe('npm run chaos -- --seed 5 --minutes 0.5 --faults kill,broker --copies 2 --rate 60')
    expect(readOptions(command.split(' -- ')[1]?.split(' ') ?? [], 2)).toEqual(options)
  })

  it('says the command that runs the same notifications again', () => {
    const options = readOptions(['--notifications', '500'], 4711)
    const command = commandOf(options)
    expect(command).toBe('npm run chaos -- --seed 4711 --notifications 500')
    expect(readOptions(command.split(' -- ')[1]?.split(' ') ?? [], 2)).toEqual(options)
  })

  it.each([
    [['--seed', 'x'], /--seed must be a whole number from 0 to 4294967295, not "x"/],
    [['--seed', '1.5'], /--seed must be a whole number/],
    [['--minutes', '0'], /--minutes must be a number from 0.1 to 600, not "0"/],
    [['--minutes', ''], /--minutes must be a number/],
    [['--faults', 'kill,earthquake'], /unknown on sqlite: earthquake/],
    [['--faults', 'disk', '--database', 'postgres'], /unknown on postgres: disk/],
    [['--database', 'oracle'], /--database must be sqlite or postgres, not "oracle"/],
    [['--copies', '9'], /--copies must be a whole number from 1 to 4/],
    [
      ['--notifications', '100', '--copies', '2', '--minutes', '1'],
      /--notifications can be combined only with --seed, not with --minutes, --copies/,
    ],
    [['--notifications', '100', '--database', 'sqlite'], /not with --database/],
    [['--notifications', '100', '--faults', 'kill', '--rate', '20'], /not with --faults, --rate/],
    [['--notifications', '99'], /--notifications must be a whole number from 100/],
    [['--speed', '9'], /Unknown option '--speed'/],
    [['5'], /Unexpected argument '5'/],
  ])('refuses %j and says why', (args, message) => {
    expect(() => readOptions(args, 1)).toThrow(message)
  })
})
