// A real SMTP server for tests, which keeps what it accepts and refuses what it is told to refuse.
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

export interface MailServer {
  url: string
  accepted: { mail: Email; from: string; to: string[] }[]
  /** The next messages are refused with these SMTP codes, one for each, at the step named. */
  refuse(step: 'recipient' | 'data', ...codes: number[]): void
  close(): Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const accepted: MailServer['accepted'] = []
  const refusals: Record<'recipient' | 'data', number[]> = { recipient: [], data: [] }
  const refusal = (step: 'recipient' | 'data', about: string) => {
    const responseCode = refusals[step].shift()
    return responseCode === undefined ? undefined : Object.assign(new Error(`no, not ${about}`), { responseCode })
  }
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _, done) => done(refusal('recipient', address)),
    async onData(stream, session, done) {
      const bytes = await buffer(stream)
      const refused = refusal('data', 'this message')
      if (refused) return done(refused)
      const { mailFrom, rcptTo } = session.envelope
      const from = mailFrom ? mailFrom.address : ''
      accepted.push({ mail: await PostalMime.parse(bytes), from, to: rcptTo.map(({ address }) => address) })
      done()
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    refuse: (step, ...codes) => void refusals[step].push(...codes),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
