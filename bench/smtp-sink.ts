// A mail server in a process of its own that takes every mail and keeps none; told to hold, it answers none until told to go,
// and it takes its time where it is told to. Of urgent mails it says that it has taken them.
import type { AddressInfo } from 'node:net'
import { deferred } from '@orders/shared/runtime'
import { SMTPServer } from 'smtp-server'

let gate = deferred()
gate.resolve()
let delayMs = 0

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, { envelope }, done) {
    stream.resume()
    const [to] = envelope.rcptTo
    const take = () => {
      done()
      if (to?.address.startsWith('urgent')) process.send?.({ urgent: to.address })
    }
    stream.on('end', () => void gate.promise.then(() => (delayMs === 0 ? take() : setTimeout(take, delayMs))))
  },
})
server.on('error', () => undefined)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.server.address() as AddressInfo
  process.send?.({ url: `smtp://127.0.0.1:${port}` })
})
process.on('message', (told: { hold?: boolean; delayMs?: number }) => {
  if (told.hold === true) gate = deferred()
  if (told.hold === false) gate.resolve()
  delayMs = told.delayMs ?? delayMs
})
process.on('disconnect', () => process.exit())
