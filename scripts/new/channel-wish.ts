// A provider that is wanted for a channel: `sms-acme` is acme, for SMS.
import type { Known } from './known.ts'

export interface ChannelWish {
  kind: 'channel'
  channel: 'email' | 'sms' | 'push'
  /** Of the provider, as files and logs call it: `acme`, `acme-mail`. */
  name: string
  next: string
}

const WANTED = /^(email|sms|push)-([a-z][a-z0-9]{1,19}(-[a-z0-9]{1,19}){0,2})$/
/** Files are named after what they are, and some names are those of providers that have no file. */
const RESERVED =
  /(^|-)(utils?|types|constants|helpers?|managers?|engine|bus|base|abstract|common|misc|settings|suite|index)(-|$)|^(file|simulated|second)$/

/** @throws Error that says what is wrong with the wish */
export function channelWish(wanted: string, known: Known): ChannelWish {
  if (wanted.startsWith('webhook'))
    throw new Error('a webhook goes to the URL that its customer names and has no provider')
  const [, channel, name = ''] = WANTED.exec(wanted) ?? []
  if (channel !== 'email' && channel !== 'sms' && channel !== 'push')
    throw new Error(
      `the name must be a channel (email, sms or push) and a provider, such as sms-acme, not "${wanted}"; a new kind of channel changes the contracts: docs/extending.md`,
    )
  if (RESERVED.test(name)) throw new Error(`the name "${name}" is reserved`)
  if ([name, `${name}-settings`].some((file) => known.providerFiles.has(file)))
    throw new Error(`notification-service has a file ${name} already`)
  const taken = ownSettings(name).filter((setting) => known.settings.includes(setting))
  if (taken.length > 0) throw new Error(`notification-service has other settings named ${taken.join(', ')}`)
  return {
    kind: 'channel',
    channel,
    name,
    next: `write the requests to the API of ${name} in notification-service/channels/${name}.ts; then run npm run check and npm test`,
  }
}

/** The names of its settings in the schema. */
export const ownSettings = (name: string) => ['ApiKey', 'BaseUrl', 'TimeoutMs'].map((last) => `${camelOf(name)}${last}`)

/** `acme-mail` is acmeMail in code. */
export const camelOf = (name: string) => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
