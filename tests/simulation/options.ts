// What `npm run simulate` is told on its command line.
import { parseArgs } from 'node:util'
import type { Options } from './world.ts'

export const USAGE = `npm run simulate -- [--seed N] [--orders M] [--copies C]

  --seed     0 to 4294967295; the same seed, orders and copies give the same run (default: a random seed, which is printed)
  --orders   1 to 1000000 (default: 1000)
  --copies   processes of each service, 1 to 5 (default: 1)`

export const SEED_MAX = 4_294_967_295

/** The options, or what is wrong with them, for people. */
export function optionsOf(args: string[], anySeed: number): Options | string {
  try {
    const { values } = parseArgs({
      args,
      options: { seed: { type: 'string' }, orders: { type: 'string' }, copies: { type: 'string' } },
    })
    const { seed = String(anySeed), orders = '1000', copies = '1' } = values
    return {
      seed: wholeNumber('seed', seed, 0, SEED_MAX),
      orders: wholeNumber('orders', orders, 1, 1_000_000),
      copies: wholeNumber('copies', copies, 1, 5),
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function wholeNumber(name: string, text: string, low: number, high: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= low && number <= high) return number
  throw new Error(`--${name} must be a whole number from ${low} to ${high}, not "${text}"`)
}

/** How to see the same run again. */
export function commandFor({ seed, orders, copies }: Options): string {
  return `npm run simulate -- --seed ${seed} --orders ${orders}${copies === 1 ? '' : ` --copies ${copies}`}`
}
