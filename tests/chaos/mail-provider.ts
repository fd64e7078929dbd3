// The mail provider of a chaos run: a real SMTP server with moods, and its own record of what it took and what it said.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { headOf } from '../support/mail-server.ts'
import type { Accepted } from './oracle/snapshot.ts'
import type { MailMood } from './schedule.ts'

export interface MailProvider {
  url: string
  /** Every mail it took, in order. */
  accepted: Accepted[]
  /** Addresses it refused for good, at least once. */
  refused: Set<string>
  /** From now on half of the mails get this. */
  turn(mood: MailMood): void
  /** All are taken again; whoever hangs is hung up on. Returns how many mails felt the mood. */
  calm(): number
  /** How many have felt it so far. */
  felt(): number
  close(): Promise<void>
}

const SLOW_MS = 1_500

export async function startMailProvider(): Promise<MailProvider> {
  const accepted: Accepted[] = []
  const refused = new Set<string>()
  const hanging = new Set<() => void>()
  let mood: MailMood | undefined
  let felt = 0

  /** By turns, so that a mood is felt whichever mails come. */
  let turns = 0
  const feels = (wanted: MailMood) => {
    if (mood !== wanted || turns++ % 2 === 1) return false
    felt += 1
    return true
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _, done) {
      if (feels('defer')) return done(Object.assign(new Error('not now'), { responseCode: 451 }))
      // For good is for good. Not 550, after which the address would be told nothing more.
      if (!refused.has(address) && !feels('refuse')) return done()
      refused.add(address)
      done(Object.assign(new Error('not this mail'), { responseCode: 554 }))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        PostalMime.parse(headOf(Buffer.concat(chunks))).then(
          ({ messageId = 'none' }) => answer(messageId, session, done),
          done,
        )
      })
    },
  })

  function answer(messageId: string, session: object, done: () => void): void {
    if (feels('hang')) return void hanging.add(() => hangUp(session))
    const drops = feels('drop')
    accepted.push({ id: idOf(messageId), atMs: Date.now(), told: !drops })
    if (drops) return hangUp(session)
    if (feels('slow')) setTimeout(done, SLOW_MS)
    else done()
  }

  /** Cuts the connection without a word. */
  function hangUp(session: object): void {
    const connection = [...server.connections].find((open) => open.session === session)
    connection?._socket.destroy()
  }

  // A client that is killed in the middle of a mail is what this run is about.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo

  const calm = () => {
    mood = undefined
    for (const release of hanging) release()
    hanging.clear()
    const count = felt
    felt = 0
    return count
  }
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    refused,
    turn(wanted) {
      mood = wanted
    },
    calm,
    felt: () => felt,
    async close() {
      calm()
      await new Promise<void>((closed) => server.close(() => closed()))
    },
  }
}

/** `<c1-7.order.paid.email@orders.example>` is `c1-7.order.paid.email`. */
function idOf(messageId: string): string {
  return decodeURIComponent(messageId.slice(1, messageId.lastIndexOf('@')))
}
