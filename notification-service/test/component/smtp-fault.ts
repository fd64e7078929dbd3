// Opens a mail thread that fails, and says so if it goes on after that.
import { openMailThread } from '../../channels/smtp.ts'

const server = openMailThread({ url: 'smtp://[nowhere' })
const mail = {
  from: 'orders@example.com',
  to: 'gayal@example.com',
  subject: 'Hi',
  messageId: '<1.email@orders.example>',
  date: new Date(),
  headers: {},
  text: 'There.',
  html: '<p>There.</p>',
}
await server.send(mail, new AbortController().signal)
console.log('it went on')
