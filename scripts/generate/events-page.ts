// docs/events.md: every message with who publishes and who hears it, from the contracts and bindings; and for each publisher a page
// with the fields of its messages.
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
  'x-personal'?: boolean
}

/** Those of the services to one another, and those of operators, which every service answers. */
const questions = [...rpcs, ...Object.values(operationsOf('<service>'))]

const nounOf = (type: string) => type.slice(0, type.indexOf('.'))

/** The pages, each with its path. */
export function eventsPages(): [path: string, text: string][] {
  const carried = [...events.values(), ...commands.values()]
  const nouns = [...new Set(carried.map(({ type }) => nounOf(type)))]
  return [
    ['docs/events.md', overview()],
    ...nouns.map((noun): [string, string] => [
      `docs/events/${noun}.md`,
      fieldsPage(
        noun,
        carried.filter(({ type }) => nounOf(type) === noun),
      ),
    ]),
  ]
}

const overview = () => `# Events

Generated from the contracts in \`shared/contracts\` by \`npm run generate\`; the same as a document for tools:
[asyncapi.json](asyncapi.json). Each type links to its fields.

Every message is a CloudEvents 1.0 envelope in structured JSON. Its \`id\` is deterministic
(\`<subject>/<type>[/<detail>]\`), its \`dataschema\` names type and version. Its \`subject\` is the order id; without
an order, the notification’s id or what the table says.

Not listed: the kernel’s messages on \`keys.exchange\` and \`ops.exchange\` ([topology](topology.md#the-other-queues)), and
\`operator.acted\`, which audit-service only writes into its log.

| type | published on | heard by (besides audit) | what happened |
|---|---|---|---|
${[...events.values()].map(row).join('\n')}

## Messages of a service to itself

A message without a queue to wait in (–) is a task: a row in the table \`retries\`, handled by the consumer of the queue named.

| type | waits in | returns to | why |
|---|---|---|---|
${[...commands.values()].map(commandRow).join('\n')}

## Questions

| question | queue | what is asked |
|---|---|---|
${questions.map(({ type, queue, summary }) => `| \`${type}\` | \`${queue}\` | ${summary} |`).join('\n')}
`

const fieldsPage = (noun: string, contracts: readonly AnyContract[]) => `# Fields of ${noun}-service’s messages

Generated from the contracts by \`npm run generate\`. [Events](../events.md) lists who hears each of them.

${contracts.map(details).join('\n')}`

/** The anchor is the one that GitHub gives the heading. */
const linked = (type: string) => `[\`${type}\`](events/${nounOf(type)}.md#${type.replaceAll('.', '')})`

function row({ type, summary }: AnyContract): string {
  return `| ${linked(type)} | \`${exchangeOf(type)}\` | ${hearersOf(type).join(', ') || 'nobody'} | ${summary} |`
}

function exchangeOf(type: string): string {
  return `${nounOf(type)}.exchange`
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
  const home = waits?.arguments['x-dead-letter-routing-key'] ?? `${nounOf(type)}.queue`
  return `| ${linked(type)} | ${waits ? `\`${waits.name}\`` : '–'} | \`${home}\` | ${summary} |`
}

function details({ type, version, summary, schema }: AnyContract): string {
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
  return `## ${type}\n\nVersion ${version}. ${summary}\n${table}`
}

function shape(field: Field): string {
  return field['x-personal'] ? `${plainShape(field)} (personal)` : plainShape(field)
}

function plainShape(field: Field): string {
  if (field.const !== undefined) return `\`${String(field.const)}\``
  if (field.anyOf) return field.anyOf.map(shape).join(' or ')
  if (field.items) return `list of ${shape(field.items)}`
  if (field.properties) return `{ ${Object.entries(field.properties).map(named).join(', ')} }`
  return [field.type ?? 'anything', field.description].filter(Boolean).join(': ')
}

const named = ([name, field]: [string, Field]) => (field['x-personal'] ? `${name} (personal)` : name)
