// Writes a provider of a channel: its settings, its adapter and its tests, and its place in the list of those that were added.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { variableOf } from '@orders/shared/runtime'
import { type ChannelWish, camelOf } from './channel-wish.ts'
import { writeAll } from './files.ts'

const TEMPLATES = join(import.meta.dirname, 'templates', 'channel')
const LIST = 'notification-service/channels/added-settings.ts'

/** What differs from channel to channel: how a message is put, and where the tests send one. */
const WAYS = {
  email: {
    Channel: 'E-mail',
    noun: 'mail',
    standIn: 'email',
    field: 'email',
    address: 'ann@example.org',
    prepare: '  const write = writer(settings, now)\n',
    message: 'fieldsOf(write(outgoing))',
    helper: `
function fieldsOf({ from, to, subject, messageId, headers, text, html }: Mail) {
  return { from, to, subject, text, html, headers: { ...headers, 'Message-ID': messageId } }
}
`,
  },
  sms: {
    Channel: 'SMS',
    noun: 'sms',
    standIn: 'sms',
    field: 'phone',
    address: '+94112345678',
    prepare: '',
    message: '{ to: numberOf(outgoing), text: outgoing.content.short.slice(0, TEXT_MAX), reference: notificationId }',
    helper: `
/** The provider charges for each part of 70 to 160 characters. */
const TEXT_MAX = 1_600

/** E.164. */
function numberOf({ address }: Outgoing): string {
  const number = address.replace(/[\\s()-]/g, '')
  if (!/^\\+[1-9]\\d{6,14}$/.test(number))
    throw new PermanentError('bad_address', 'this is not a phone number in the form +94112345678')
  return number
}
`,
  },
  push: {
    Channel: 'Push to apps',
    noun: 'push',
    standIn: 'push to apps',
    field: 'push',
    address: 'token-of-an-app',
    prepare: '',
    message: '{ to: outgoing.address, ...wordsOf(outgoing), reference: notificationId }',
    helper: `
function wordsOf({ content }: Outgoing) {
  return { title: content.subject, text: content.short }
}
`,
  },
}

/** Returns the paths of what was written and is laid out by the formatter. */
export async function writeChannel({ channel, name }: ChannelWish): Promise<string[]> {
  const camel = camelOf(name)
  const Pascal = camel.charAt(0).toUpperCase() + camel.slice(1)
  const isMail = channel === 'email'
  const words = {
    ...WAYS[channel],
    name,
    channel,
    camel,
    Pascal,
    VARIABLE: variableOf(camel),
    Settings: isMail ? `${Pascal}Settings & MailSettings` : `${Pascal}Settings`,
    nowParameter: isMail ? ', now: () => Date' : '',
    mailImport: isMail
      ? "import type { Mail } from './compose.js'\nimport { type MailSettings, writer } from './email.ts'\n"
      : '',
    outgoingImport: isMail ? '' : "import type { Outgoing } from '../deliveries/domain.ts'\n",
  }
  const folder = 'notification-service'
  const files = [
    { template: 'settings.txt', path: `${folder}/channels/${name}-settings.ts` },
    { template: 'sender.txt', path: `${folder}/channels/${name}.ts` },
    { template: 'test/name.test.txt', path: `${folder}/test/${name}.test.ts` },
    { template: 'test/component/name.test.txt', path: `${folder}/test/component/${name}.test.ts` },
  ]
  const list = await enlisted({ channel, name }, camel)
  await writeAll(
    files.map(({ template, path }) => ({ path, template: join(TEMPLATES, template) })),
    words,
  )
  await writeFile(LIST, list)
  return [LIST, ...files.map(({ path }) => path)]
}

/** The list with the new one at its end. */
async function enlisted({ channel, name }: Pick<ChannelWish, 'channel' | 'name'>, camel: string): Promise<string> {
  const text = await readFile(LIST, 'utf8')
  const entry = `{ name: '${name}', channel: '${channel}', settings: ${camel}Settings, needs: '${camel}ApiKey' }`
  const [head, before = ''] =
    /export const addedProviders: readonly AddedProvider\[\] = \[([\s\S]*?)\]/.exec(text) ?? []
  const lastImport = text.lastIndexOf('\nimport ')
  if (head === undefined || lastImport < 0) throw new Error(`${LIST} has no list of added providers`)
  const entries = before.trim().replace(/,$/, '')
  const longer = text.replace(head, () =>
    head.replace(/\[[^[\]]*\]$/, () => `[${entries === '' ? '' : `${entries}, `}${entry}]`),
  )
  const end = longer.indexOf('\n', lastImport + 1)
  return `${longer.slice(0, end)}\nimport { ${camel}Settings } from './${name}-settings.ts'${longer.slice(end)}`
}
