// The parts of written pages that follow from the code. They stand between `<!-- generated: name -->` and `<!-- end -->`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { orders, services } from '@orders/shared/contracts'
import { kernelsTables, type Table, variableOf } from '@orders/shared/runtime'
import { addedProviders } from '../../notification-service/channels/added-settings.ts'
import { definitions } from '../services/definitions.ts'

const ROOT = join(import.meta.dirname, '..', '..')

const sections: Record<string, () => string> = {
  'who hears what': whoHearsWhat,
  'how long': howLong,
  'added providers': addedProvidersTable,
}

/** The page as it is, with its generated parts as they should be. */
export function pageWithSections(path: string): string {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return text.replace(/(<!-- generated: (.+?) -->\n)[\s\S]*?(<!-- end -->)/g, (_, head, name, end) => {
    const section = sections[name]
    if (!section) throw new Error(`${path}: nothing generates "${name}"`)
    return `${head}\n${section()}\n${end}`
  })
}

function whoHearsWhat(): string {
  const rows = services
    .filter((noun) => noun !== 'audit')
    .map((noun) => {
      const patterns = orders.heard[`${noun}.queue`] ?? []
      return `| \`${noun}.queue\` | ${patterns.map((pattern) => `\`${pattern}\``).join(', ')} |\n`
    })
  return [
    '| queue | hears |\n|---|---|\n',
    ...rows,
    '| `audit.queue` | everything, through `audit.fanout.exchange` |\n',
  ].join('')
}

function howLong(): string {
  const all = [
    { name: 'every service', tables: kernelsTables },
    ...definitions.map(({ name, tables = {} }) => ({ name, tables })),
  ]
  const rows = all.flatMap(({ name, tables }) =>
    Object.entries(tables).map(
      ([table, { rebuilt, kept }]) => `| ${name} | \`${table}\` | ${keptIn(kept)} | ${rebuilt} |\n`,
    ),
  )
  return ['| service | table | kept | comes back |\n|---|---|---|---|\n', ...rows].join('')
}

function keptIn(kept: Table['kept']): string {
  if ('forEver' in kept) return `forever: ${kept.forEver}`
  if ('until' in kept) return `until ${kept.until}`
  if ('with' in kept) return `as long as its row in \`${kept.with}\``
  const after = kept.after === undefined ? '' : `, once ${kept.after} has removed the order`
  return `\`${variableOf(kept.days)}\`${after}`
}

function addedProvidersTable(): string {
  if (addedProviders.length === 0) return 'None is added here.\n'
  const rows = addedProviders.map(({ name, channel, needs, settings }) => {
    const others = Object.keys(settings).filter((setting) => setting !== needs)
    return `| ${name} | ${channel} | ${codes([needs])} | ${codes(others)} |\n`
  })
  return ['| provider | channel | there with | also reads |\n|---|---|---|---|\n', ...rows].join('')
}

const codes = (settings: string[]) => settings.map((setting) => `\`${variableOf(setting)}\``).join(', ')
