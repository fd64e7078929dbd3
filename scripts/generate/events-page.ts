// docs/events.md: every message with who says it, who hears it and what it carries, from the contracts and bindings.
import { type AnyContract, commands, events, rpcs, topology } from '@orders/shared/contracts'
import { operationsOf } from '@orders/shared/messaging'

interface Field {
  type?: string
  description?: string
  properties?: Record<string, Field>
  items?: Field
  required?: string[]
  anyOf?: Field[]
  const?: unknown
}

/** Those of the services to one another, and those of operators, which every service answers. */
const questions = [...rpcs, ...Object.values(operationsOf('<service>'))]

export function eventsPage(): string {
  return `# Events

Generated from the contracts in \`shared/contracts\` by \`npm run generate\`; the same as a document for tools:
[asyncapi.json](asyncapi.json).

Every message is a CloudEvents 1.0 envelope in structured JSON. Its \`id\` is deterministic
(\`<subject>/<type>[/<detail>]\`), its \`dataschema\` names type and version, its \`subject\` is the order id.

| type | said on | heard by (besides audit) | what happened |
|---|---|---|---|
${[...events.values()].map(row).join('\n')}

## Messages of a service to itself

| type | waits in | returns to | why |
|---|---|---|---|
${[...commands.values()].map(commandRow).join('\n')}

## Questions

| question | queue | what is asked |
|---|---|---|
${questions.map(({ type, queue, summary }) => `| \`${type}\` | \`${queue}\` | ${summary} |`).join('\n')}

## What they carry

${[...events.values(), ...commands.values()].map(details).join('\n')}`
}

function row({ type, summary }: AnyContract): string {
  return `| \`${type}\` | \`${exchangeOf(type)}\` | ${hearersOf(type).join(', ') || 'nobody'} | ${summary} |`
}

function exchangeOf(type: string): string {
  return `${type.slice(0, type.indexOf('.'))}.exchange`
}

function hearersOf(type: string): string[] {
  return topology.bindings
    .filter(({ source, pattern, destinationType }) => {
      const isPrefix = pattern.startsWith(`${type}.`)
      return source === exchangeOf(type) && destinationType === 'queue' && (pattern === type || isPrefix)
    })
    .map(({ destination }) => `\`${destination}\``)
}

function commandRow({ type, summary }: AnyContract): string {
  const waits = topology.queues.find(({ name }) => name === `${type}.queue`)
  const home = waits?.arguments['x-dead-letter-routing-key'] ?? `${type.slice(0, type.indexOf('.'))}.queue`
  return `| \`${type}\` | ${waits ? `\`${waits.name}\`` : '–'} | \`${home}\` | ${summary} |`
}

function details({ type, version, schema }: AnyContract): string {
  const { properties = {} } = schema as Field
  const data = properties.data ?? {}
  const fields = Object.entries(data.properties ?? {})
  const rows = fields.map(
    ([name, field]) => `| \`${name}\` | ${data.required?.includes(name) ? 'yes' : 'no'} | ${shape(field)} |`,
  )
  const table =
    rows.length > 0
      ? `\n| field | required | shape |\n|---|---|---|\n${rows.join('\n')}\n`
      : '\nNothing but its subject.\n'
  return `### ${type} (version ${version})\n${table}`
}

function shape(field: Field): string {
  if (field.const !== undefined) return `\`${String(field.const)}\``
  if (field.anyOf) return field.anyOf.map(shape).join(' or ')
  if (field.items) return `list of ${shape(field.items)}`
  if (field.properties) return `{ ${Object.keys(field.properties).join(', ')} }`
  return [field.type ?? 'anything', field.description].filter(Boolean).join(': ')
}
