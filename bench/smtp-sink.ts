// A mail server in a process of its own that takes every mail and keeps none; told to hold, it answers none until told to go.
import type { AddressInfo } from 'node:net'
import { deferred } from '@orders/shared/runtime'
import { SMTPServer } from 'smtp-server'

let gate = deferred()
gate.resolve()

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _, done) {
    stream.resume()
    stream.on('end', () => void gate.promise.then(() => done()))
  },
})
server.on('error', () => undefined)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.server.address() as AddressInfo
  process.send?.({ url: `smtp://127.0.0.1:${port}` })
})
process.on('message', ({ hold }: { hold: boolean }) => {
  if (hold) gate = deferred()
  else gate.resolve()
})
process.on('disconnect', () => process.exit())
