// Loaded into each process of a chaos run before its program: kills it at a named instant of the kernel, shifts its clock,
// and plants a bug. What to do comes with the start, in the environment, or later, by message.
import { subscribe } from 'node:diagnostics_channel'
import Sqlite from 'better-sqlite3'

const RealDate = Date
let clockMs = 0

let armed = ''

/** @param {string} killAt an instant and how often it is to be reached, such as `after-commit:3`; empty: none any more */
function arm(killAt) {
  armed = killAt
  const [instant, times] = killAt.split(':')
  let left = Number(times)
  if (instant === '') return
  subscribe(`orders:${instant}`, () => {
    left -= 1
    if (left === 0 && armed === killAt) process.kill(process.pid, 'SIGKILL')
  })
}

/** Only the wall clock is set; timers go by the monotonic one, as they do when an operator sets a machine's clock. */
function setClock(/** @type {number} */ offsetMs) {
  clockMs = offsetMs
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [RealDate.now() + clockMs] : args, newTarget),
    apply: () => new Date().toString(),
    get: (target, name) => (name === 'now' ? () => RealDate.now() + clockMs : Reflect.get(target, name)),
  })
}

let bug = ''
let isBugReady = false

/**
 * In `ask`, the payment provider's books and the carrier's look at an address throw; in `decide`, what makes a service's own
 * messages of its decisions. Nothing of the programs is changed for it: they meet it in what they call.
 * @param {string} where `ask`, `decide`, or empty for none any more
 */
function plant(where) {
  bug = where
  if (isBugReady || where === '') return
  isBugReady = true
  const { stringify } = JSON
  const { test } = RegExp.prototype
  const { get } = Object.getPrototypeOf(new Sqlite(':memory:').prepare('select 1'))
  JSON.stringify = (/** @type {[any, any?, any?]} */ ...given) => {
    if (bug === 'decide' && given[0]?.specversion === '1.0') throw new TypeError('a planted bug')
    return stringify(...given)
  }
  RegExp.prototype.test = function (text) {
    if (bug === 'ask' && this.source === '\\bnowhere\\b') throw new TypeError('a planted bug')
    return test.call(this, text)
  }
  Object.getPrototypeOf(new Sqlite(':memory:').prepare('select 1')).get = function (/** @type {unknown[]} */ ...given) {
    if (bug === 'ask' && this.source.startsWith('insert into charges')) throw new TypeError('a planted bug')
    return get.apply(this, given)
  }
}

if (process.env.CHAOS_BUG) plant(process.env.CHAOS_BUG)
if (process.env.CHAOS_KILL_AT) arm(process.env.CHAOS_KILL_AT)
if (process.env.CHAOS_CLOCK_MS) setClock(Number(process.env.CHAOS_CLOCK_MS))

if (process.channel) {
  process.on('message', (/** @type {{ killAt?: string, clockMs?: number, bug?: string }} */ told) => {
    if (told.killAt !== undefined) arm(told.killAt)
    if (told.clockMs !== undefined) setClock(told.clockMs)
    if (told.bug !== undefined) plant(told.bug)
  })
  // Whoever started this process has died without stopping it.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel.unref()
}
