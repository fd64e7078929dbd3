// Names notifications and their mails. The Message-ID follows from the notification, so that repeats and later reports
// can be matched to it.
import { Type } from 'typebox'

export const NotificationId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$' })

export interface MailName {
  notificationId: string
  generation: number
}

/** With its angle brackets. */
export function messageIdOf({ notificationId, generation }: MailName, mailIdDomain: string): string {
  const again = generation === 1 ? '' : `.${generation}`
  return `<${encodeURIComponent(notificationId)}.email${again}@${mailIdDomain}>`
}

/** Undefined if this service did not make the Message-ID. The brackets may be missing. */
export function mailNameIn(messageId: string, mailIdDomain: string): MailName | undefined {
  const bare = messageId.trim().replace(/^<|>$/g, '')
  const at = bare.lastIndexOf('@')
  if (at < 0 || bare.slice(at + 1).toLowerCase() !== mailIdDomain.toLowerCase()) return undefined
  const [, notificationId, again = '1'] =
    /^([A-Za-z0-9][A-Za-z0-9._-]{0,199})\.email(?:\.(\d{1,6}))?$/.exec(bare.slice(0, at)) ?? []
  return notificationId === undefined ? undefined : { notificationId, generation: Number(again) }
}
