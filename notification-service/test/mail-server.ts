// A real SMTP server for tests, which keeps what it accepts and refuses what it is told to refuse.
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

type Step = 'sender' | 'recipient' | 'data'

export interface MailServer {
  url: string
  accepted: { mail: Email; from: string; to: string[] }[]
  /** The next messages are refused with these SMTP codes, one for each, at the step named. */
  refuse(step: Step, ...codes: number[]): void
  /** The next mails with such a subject are refused for good, once they are whole. */
  refuseAbout(subject: RegExp, times: number): void
  /** What a refusal says, beside its code; `5.7.1 not you`, for example. */
  saying(words: string): void
  /** The next message is accepted, and the connection ends before anybody hears of it. */
  hangUp(): void
  /** Mails are taken at once, and the server says so only after this. */
  answerAfter(moment: Promise<void>): void
  close(): Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const accepted: MailServer['accepted'] = []
  const refusals: Record<Step, number[]> = { sender: [], recipient: [], data: [] }
  const refusal = (step: Step, about: string) => {
    const responseCode = refusals[step].shift()
    return responseCode === undefined ? undefined : Object.assign(new Error(`${words} ${about}`), { responseCode })
  }
  let subjects: RegExp[] = []
  const isAbout = ({ subject = '' }: Email) => {
    const about = subjects.findIndex((pattern) => pattern.test(subject))
    subjects = subjects.filter((_, index) => index !== about)
    return about >= 0
  }
  let words = 'no, not'
  let hangsUp = false
  let moment = Promise.resolve()
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    // Nobody wants the name of 127.0.0.1, and asking for it takes a while.
    disableReverseLookup: true,
    onMailFrom: ({ address }, _, done) => done(refusal('sender', address)),
    onRcptTo: ({ address }, _, done) => done(refusal('recipient', address)),
    async onData(stream, session, done) {
      const bytes = await buffer(stream).catch((error: Error) => error)
      // Whoever sends it was killed in the middle.
      if (bytes instanceof Error) return done(bytes)
      const refused = refusal('data', 'this message')
      if (refused) return done(refused)
      const mail = await PostalMime.parse(bytes)
      if (isAbout(mail)) return done(Object.assign(new Error('not this subject'), { responseCode: 554 }))
      const { mailFrom, rcptTo } = session.envelope
      const from = mailFrom ? mailFrom.address : ''
      accepted.push({ mail, from, to: rcptTo.map(({ address }) => address) })
      await moment
      if (!hangsUp) return done()
      hangsUp = false
      for (const socket of sockets) socket.destroy()
    },
  })
  // A connection that ends in the middle is what some tests are about.
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    refuse: (step, ...codes) => void refusals[step].push(...codes),
    refuseAbout(subject, times) {
      subjects.push(...Array.from({ length: times }, () => subject))
    },
    saying: (said) => {
      words = said
    },
    hangUp: () => {
      hangsUp = true
    },
    answerAfter: (wanted) => {
      moment = wanted
    },
    close() {
      // Else it waits for clients to say goodbye.
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
