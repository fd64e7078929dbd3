// A mail server in a process of its own, see sink.ts. Given a folder it keeps each mail there, on the disk before it says that it
// has it, as a mail server must (RFC 5321, 6.1); else it forgets all but when each came.
import { open } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { deferred } from '@orders/shared/runtime'
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server'
import type { Arrival, Told } from './sink.ts'

const [, , folder] = process.argv
let gate = deferred()
gate.resolve()
let delayMs = 0
let arrivals: Arrival[] = []
let mails = 0

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, { envelope }, done) {
    const [to] = envelope.rcptTo
    take(stream).then(() => {
      done()
      if (to?.address.startsWith('urgent')) process.send?.({ urgent: to.address })
    }, done)
  },
})

async function take(stream: SMTPServerDataStream): Promise<void> {
  const mail = await buffer(stream)
  await gate.promise
  if (delayMs > 0) await delay(delayMs)
  if (folder !== undefined) await keep(join(folder, `${++mails}.eml`), mail)
  arrivals.push({ messageId: messageIdOf(mail), atMs: Date.now() })
}

function messageIdOf(mail: Buffer): string {
  const head = mail.toString('latin1', 0, mail.indexOf('\r\n\r\n'))
  return /^message-id:\s*<([^>]*)>/im.exec(head)?.[1] ?? ''
}

async function keep(path: string, mail: Buffer): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.write(mail)
    await file.sync()
  } finally {
    await file.close()
  }
}

server.on('error', () => undefined)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.server.address() as AddressInfo
  process.send?.({ url: `smtp://127.0.0.1:${port}` })
})
process.on('message', (told: Told) => {
  if (told.hold === true) gate = deferred()
  if (told.hold === false) gate.resolve()
  delayMs = told.delayMs ?? delayMs
  if (!told.tellArrivals) return
  process.send?.({ arrivals })
  arrivals = []
})
process.on('disconnect', () => process.exit())
