// A real SMTP server that accepts mails and remembers the Message-ID of each.
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

export async function startMailServer(): Promise<MailServer> {
  const accepted = new Map<string, number>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        PostalMime.parse(Buffer.concat(chunks)).then(({ messageId = 'none' }) => {
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
