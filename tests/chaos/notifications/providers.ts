// The four providers of a run of notifications: an SMTP server, and one HTTP server that is Twilio, FCM and everybody's
// webhook. The seed decides for each request whether it is taken, refused for now or for good, or never answered.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { headOf } from '../../support/mail-server.ts'
import { randomFrom, seedFor } from '../random.ts'

export interface Taken {
  atMs: number
  /** Whether the provider said so. */
  told: boolean
}

export type Channel = 'email' | 'sms' | 'push' | 'webhook'
export type Mood = 'take' | 'later' | 'never' | 'hang' | 'hang after taking'

export interface Providers {
  smtpUrl: string
  httpUrl: string
  /** Every time each message was taken, by channel and recipient. */
  taken: Map<string, Taken[]>
  /** What came of the requests, by channel and mood. */
  moods: Map<string, number>
  /** From now on everything is taken. */
  heal(): void
  close(): Promise<void>
}

/** Refused for good is kept in the dead letters; a hanging request holds its place for a quarter of a minute. */
const SHARES: [Mood, number][] = [
  ['later', 0.1],
  ['never', 0.02],
  ['hang', 0.002],
  ['hang after taking', 0.002],
]

export const keyOf = (channel: Channel, recipient: string) => `${channel} ${recipient}`

export async function startProviders(seed: number): Promise<Providers> {
  const random = randomFrom(seedFor(seed, 'providers'))
  const taken = new Map<string, Taken[]>()
  const moods = new Map<string, number>()
  const words = new Map<string, { sid: string; body: string; date_created: string }[]>()
  let isHealed = false

  function moodFor(channel: Channel): Mood {
    let luck = isHealed ? 1 : random.next()
    const mood = SHARES.find(([, share]) => {
      luck -= share
      return luck < 0
    })?.[0]
    const felt = mood ?? 'take'
    moods.set(`${channel} ${felt}`, (moods.get(`${channel} ${felt}`) ?? 0) + 1)
    return felt
  }

  function take(channel: Channel, recipient: string, told: boolean): void {
    const key = keyOf(channel, recipient)
    taken.set(key, [...(taken.get(key) ?? []), { atMs: Date.now(), told }])
  }

  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const [recipient] = envelope.rcptTo
        const { to } = await PostalMime.parse(headOf(Buffer.concat(chunks)))
        const mood = moodFor('email')
        const refused = (responseCode: number) => done(Object.assign(new Error('not taken'), { responseCode }))
        if (mood === 'later') return refused(451)
        if (mood === 'never') return refused(554)
        if (mood !== 'hang') take('email', recipient?.address ?? to?.[0]?.address ?? '', mood === 'take')
        if (mood === 'take') done()
      })
    },
  })
  smtp.on('error', () => undefined)
  smtp.listen(0, '127.0.0.1')

  const http = createServer((request, response) => void answer(request, response).catch(() => response.destroy()))
  http.listen(0, '127.0.0.1')
  await Promise.all([once(smtp.server, 'listening'), once(http, 'listening')])

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://provider')
    const body = await text(request)
    const reply = (status: number, content: object = {}) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(content))
    }
    if (url.pathname === '/token') return reply(200, { access_token: 'token', expires_in: 3_600, token_type: 'Bearer' })
    if (url.pathname.endsWith('/Messages.json') && request.method === 'GET')
      return reply(200, { messages: words.get(url.searchParams.get('To') ?? '') ?? [] })
    const asked = url.pathname.endsWith('/Messages.json')
      ? sms(body)
      : url.pathname.startsWith('/v1/')
        ? push(body)
        : hook(url)
    const mood = moodFor(asked.channel)
    if (mood === 'later') return reply(503)
    if (mood === 'never') return reply(400, asked.refusal)
    if (mood === 'hang') return
    take(asked.channel, asked.recipient, mood === 'take')
    asked.keep?.()
    if (mood === 'take') reply(asked.status, asked.yes)
  }

  function sms(body: string) {
    const form = new URLSearchParams(body)
    const recipient = form.get('To') ?? ''
    const sid = `SM${recipient}`
    const message = { sid, body: form.get('Body') ?? '', date_created: new Date().toUTCString() }
    const keep = () => void words.set(recipient, [...(words.get(recipient) ?? []), message])
    // https://www.twilio.com/docs/api/errors/21211: not a valid number.
    return { channel: 'sms' as const, recipient, status: 201, yes: { sid }, refusal: { code: 21_211 }, keep }
  }

  function push(body: string) {
    // The cast is the decoding edge of FCM's own form.
    const { message } = JSON.parse(body) as { message: { token: string } }
    const refusal = { error: { status: 'INVALID_ARGUMENT', details: [{ errorCode: 'INVALID_ARGUMENT' }] } }
    return {
      channel: 'push' as const,
      recipient: message.token,
      status: 200,
      yes: { name: 'taken' },
      refusal,
      keep: undefined,
    }
  }

  function hook({ searchParams }: URL) {
    const recipient = searchParams.get('to') ?? ''
    return { channel: 'webhook' as const, recipient, status: 204, yes: {}, refusal: {}, keep: undefined }
  }

  const portOf = (address: AddressInfo) => `127.0.0.1:${address.port}`
  return {
    smtpUrl: `smtp://${portOf(smtp.server.address() as AddressInfo)}`,
    httpUrl: `http://${portOf(http.address() as AddressInfo)}`,
    taken,
    moods,
    heal() {
      isHealed = true
    },
    async close() {
      for (const { _socket: socket } of smtp.connections) socket.destroy()
      await new Promise<void>((closed) => smtp.close(() => closed()))
      http.closeAllConnections()
      await new Promise<void>((closed) => http.close(() => closed()))
    },
  }
}
