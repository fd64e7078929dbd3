// Loaded into each process of a chaos run before its program: kills it at a named instant of the kernel, and shifts its clock.
// Orders come at the start by the environment, or later by message.
import { subscribe } from 'node:diagnostics_channel'

const RealDate = Date
let clockMs = 0

let armed = ''

/** @param {string} killAt an instant and how often it must be reached, such as `after-commit:3`; empty withdraws the order */
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

/** Only the wall clock is shifted. Timers use the monotonic clock, as when an operator sets a machine's clock. */
function setClock(/** @type {number} */ offsetMs) {
  clockMs = offsetMs
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [RealDate.now() + clockMs] : args, newTarget),
    apply: () => new Date().toString(),
    get: (target, name) => (name === 'now' ? () => RealDate.now() + clockMs : Reflect.get(target, name)),
  })
}

if (process.env.CHAOS_KILL_AT) arm(process.env.CHAOS_KILL_AT)
if (process.env.CHAOS_CLOCK_MS) setClock(Number(process.env.CHAOS_CLOCK_MS))

if (process.channel) {
  process.on('message', (/** @type {{ killAt?: string, clockMs?: number }} */ told) => {
    if (told.killAt !== undefined) arm(told.killAt)
    if (told.clockMs !== undefined) setClock(told.clockMs)
  })
  // The parent process has died without stopping this one.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel.unref()
}
