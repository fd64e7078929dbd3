// Opens a mail thread that fails, and says so if it goes on after that.
import { openMailThread } from '../../channels/smtp.ts'

const server = openMailThread({ url: 'smtp://[nowhere' })
await server.send({ to: 'gayal@example.com' }, new AbortController().signal)
console.log('it went on')
