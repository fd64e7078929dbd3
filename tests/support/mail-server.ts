// A real SMTP server that answers as it is told and remembers the Message-ID of each mail it accepts.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'

export interface MailServer {
  url: string
  /** How often each Message-ID was accepted. */
  accepted: ReadonlyMap<string, number>
  close(): Promise<void>
}

const ACCEPTED = 250

type Answer = (recipient: string) => number | Promise<number>

/** `answer` gives the SMTP code for each recipient that is named, in the order of naming; by default all are accepted. */
export async function startMailServer(answer: Answer = () => ACCEPTED): Promise<MailServer> {
  const accepted = new Map<string, number>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username }, _, done) => done(null, { user: username }),
    async onRcptTo({ address }, _, done) {
      const responseCode = await answer(address)
      if (responseCode === ACCEPTED) done()
      else done(Object.assign(new Error(`${address} is not taken now`), { responseCode }))
    },
    onData(stream, _, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        PostalMime.parse(headOf(Buffer.concat(chunks))).then(({ messageId = 'none' }) => {
          accepted.set(messageId, (accepted.get(messageId) ?? 0) + 1)
          done()
        }, done)
      })
    },
  })
  // A client that is killed in the middle of a mail is what these tests are about.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** All that a stand-in asks of a mail is in there, and a whole mail takes five times as long to parse. */
export function headOf(mail: Buffer): Buffer {
  return mail.subarray(0, mail.indexOf('\r\n\r\n') + 4)
}
