// Stands in for a provider that is not configured: an SMS, push or webhook becomes one log line. The body is left out,
// since an operator may have written something personal in it.
import type { Log } from '@orders/shared/runtime'
import type { Sender } from './sender.ts'

export function openLogChannel(log: Log): Sender {
  return {
    provider: 'log',
    isStandIn: true,
    async send({ notificationId, channel, address, content }) {
      log.info(
        { channel, notificationId, address: redacted(address), subject: content.subject },
        'not sent: this channel has no provider',
      )
      return `${notificationId}.${channel}`
    },
    close: () => undefined,
  }
}

/** Enough to recognise a known address, too little to use it. */
function redacted(address: string): string {
  const characters = [...address]
  if (characters.length < 10) return '…'
  return [...characters.slice(0, 3), '…', ...characters.slice(-2)].join('')
}
