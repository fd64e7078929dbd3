// Loaded into each process of a chaos run before its program: what the kernel's own does, and a bug. Which comes with the start, in
// the environment, or later, by message.
import Sqlite from 'better-sqlite3'
import '../../shared/testing/chaos/preload.mjs'

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

if (process.channel) {
  process.on('message', (/** @type {{ bug?: string }} */ told) => {
    if (told.bug !== undefined) plant(told.bug)
  })
  // A listener keeps a process alive that has nothing else to do.
  process.channel.unref()
}
