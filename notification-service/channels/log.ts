// The stand-in for a provider: what would be sent by SMS, push or webhook becomes one line in the log. Without the body,
// which somebody may have written by hand about somebody.
import type { Log } from '@orders/shared/runtime'
import type { Sender } from './sender.ts'

export function openLogChannel(log: Log): Sender {
  return {
    provider: 'log',
    async send({ notificationId, channel, address, content }) {
      log.info({ channel, notificationId, address: redacted(address), subject: content.subject }, 'told')
      return `${notificationId}.${channel}`
    },
    close: () => undefined,
  }
}

/** Enough to recognise an address that one knows, too little to use it. */
function redacted(address: string): string {
  return address.length < 10 ? '…' : `${address.slice(0, 3)}…${address.slice(-2)}`
}
