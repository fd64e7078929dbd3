// What happens outside: the payment provider's books are locked, so that it answers late or not at all; the mail server has
// a mood; a service's disk is full.
import { setTimeout as delay } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'

const LOCK_TRIES = 200

export const gateway: Inject<'gateway'> = async ({ pathOf }) => {
  const books = new Sqlite(pathOf('payment-gateway'), { timeout: 0 })
  try {
    await lock(books)
  } catch (error) {
    books.close()
    throw error
  }
  return async () => {
    books.exec('rollback')
    books.close()
    return { felt: 1, what: 'books locked' }
  }
}

async function lock(books: Sqlite.Database): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void books.exec('begin immediate')
    } catch (error) {
      // A charge is just being entered.
      if (tries === LOCK_TRIES) throw error
      await delay(5)
    }
  }
}

export const mail: Inject<'mail'> = async (world, { mood }) => {
  world.mail.turn(mood)
  return async () => {
    await untilTrue(() => world.mail.felt() > 0)
    return { felt: world.mail.calm(), what: WORDS[mood] }
  }
}

const WORDS = {
  defer: 'mails answered 451',
  refuse: 'mails answered 554',
  hang: 'mails never answered',
  drop: 'mails taken, the connection cut before the answer',
  slow: 'mails answered late',
}

export const disk: Inject<'disk'> = async (world, { service }) => {
  const failures = () => writesRefused(world, service)
  const before = await failures()
  shrink(world, service)
  await world.disks.fill(service)
  return async () => {
    await untilTrue(async () => (await failures()) > before)
    await world.disks.free(service)
    return { felt: (await failures()) - before, what: 'writes refused' }
  }
}

/** A log that was shrunk must grow again to be written: room that it has already needs no disk. */
function shrink({ pathOf }: World, service: string): void {
  const database = new Sqlite(pathOf(`${service}-service`), { timeout: 500 })
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
}

async function writesRefused({ system }: World, service: Parameters<World['system']['log']>[0]): Promise<number> {
  const lines = await system.log(service)
  return lines.filter((line) => /disk is full|disk I\/O error|SQLITE_(FULL|IOERR)/.test(JSON.stringify(line))).length
}
