// .env.example: every variable of every service, with its default and what it means, from the schemas that read them.
import { CommonConfig, variableOf } from '@orders/shared/runtime'
import type { TObject, TSchema } from 'typebox'
import { definitions } from '../services/definitions.ts'

/** By the service's name. */
export const serviceConfigs: Record<string, TObject> = Object.fromEntries(
  definitions.map(({ name, config }) => [name, config]),
)

export function envExample(): string {
  const common = section('Every service', Object.entries(CommonConfig.properties))
  const own = Object.entries(serviceConfigs).map(([service, schema]) =>
    section(
      service,
      Object.entries<TSchema>(schema.properties).filter(([name]) => !(name in CommonConfig.properties)),
    ),
  )
  const head = '# Every variable, with its default. A variable without a value is unset by default.\n'
  return [head, common, ...own.filter((text) => text !== '')].join('\n')
}

function section(title: string, properties: [string, TSchema][]): string {
  if (properties.length === 0) return ''
  return `# ---- ${title} ----\n\n${properties.map(([name, schema]) => variable(name, schema)).join('\n')}`
}

function variable(name: string, schema: TSchema): string {
  const description = 'description' in schema ? `# ${schema.description}\n` : ''
  const value = 'default' in schema ? String(schema.default) : ''
  return `${description}#${variableOf(name)}=${value}\n`
}
