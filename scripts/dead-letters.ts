// `npm run dead-letters -- list|show|replay|discard`: what the services gave up on, why, and what to do with it.
import { parseArgs, styleText } from 'node:util'
import { topology } from '@orders/shared/contracts'
import { readAmqpTls } from '@orders/shared/messaging'
import { CommonConfig, readConfig } from '@orders/shared/runtime'
import { type DeadLetter, type DeadLetters, openDeadLetters } from './dead-letters/letters.ts'

const USAGE = `npm run dead-letters -- list                     what lies where, and why
npm run dead-letters -- show QUEUE [--id ID]     one message whole, or the oldest ten
npm run dead-letters -- replay QUEUE [--id ID]   send it, or all of the queue, again
npm run dead-letters -- discard QUEUE --id ID    remove one for good (--all: every one of the queue)

QUEUE is a name such as inventory.dlq (or inventory), or unrouted.queue. AMQP_URL says which broker.`

const SHOWN = 10
// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on('error', () => process.exit())
const say = (line = '') => process.stdout.write(`${line}\n`)
const queues = topology.queues
  .map(({ name }) => name)
  .filter((name) => name.endsWith('.dlq') || name === 'unrouted.queue')

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { id: { type: 'string' }, all: { type: 'boolean', default: false } },
  })
  const [command = 'list', name] = positionals
  const action = { list, show, replay, discard }[command]
  if (!action) return complain(`unknown command ${command}`)
  const queue = name === undefined ? undefined : queues.find((known) => [name, `${name}.dlq`].includes(known))
  if (command !== 'list' && queue === undefined)
    return complain(
      name === undefined ? `${command} which queue?` : `no such queue: ${name}; there are ${queues.join(', ')}`,
    )
  const config = readConfig(CommonConfig, process.env)
  const letters = await openDeadLetters(config.amqpUrl, readAmqpTls(config))
  try {
    return await action(letters, queue ?? '', values)
  } finally {
    await letters.close()
  }
}

interface Choice {
  id?: string | undefined
  all: boolean
}

async function list(letters: DeadLetters): Promise<number> {
  let total = 0
  for (const queue of queues) {
    const count = await letters.count(queue)
    if (count === 0) continue
    total += count
    say(`${styleText('bold', queue)}  ${count}`)
    for (const letter of await letters.peek(queue, SHOWN)) say(`  ${lineOf(letter)}`)
    if (count > SHOWN) say(`  … and ${count - SHOWN} more`)
  }
  say(total === 0 ? 'No dead letters.' : `\n${total} in all. "npm run dead-letters -- replay QUEUE" sends them again.`)
  return 0
}

async function show(letters: DeadLetters, queue: string, { id }: Choice): Promise<number> {
  const found = (await letters.peek(queue, id === undefined ? SHOWN : Number.MAX_SAFE_INTEGER)).filter(matching(id))
  for (const letter of found) {
    say(styleText('bold', lineOf(letter)))
    for (const { at, attempt, error } of letter.history) say(`  ${at}  attempt ${attempt}  ${error}`)
    if (letter.stack) say(styleText('dim', indent(letter.stack)))
    say(indent(pretty(letter.body)))
    say()
  }
  if (found.length === 0) say(id === undefined ? `${queue} is empty.` : `No ${id} in ${queue}.`)
  return found.length === 0 && id !== undefined ? 1 : 0
}

async function replay(letters: DeadLetters, queue: string, { id }: Choice): Promise<number> {
  const count = await letters.replay(queue, matching(id), (done) => {
    if (done % 1_000 === 0) say(`${done} sent again …`)
  })
  say(count === 0 ? `Nothing to send again in ${queue}.` : `${count} from ${queue} sent again.`)
  return count === 0 && id !== undefined ? 1 : 0
}

async function discard(letters: DeadLetters, queue: string, { id, all }: Choice): Promise<number> {
  if (id === undefined && !all) return complain('discard needs --id ID, or --all')
  const count = await letters.discard(queue, matching(id))
  say(`${count} from ${queue} discarded.`)
  return count === 0 && id !== undefined ? 1 : 0
}

function matching(id: string | undefined): (letter: DeadLetter) => boolean {
  return (letter) => id === undefined || letter.id === id
}

function lineOf({ id, type, reason, service, failedAt, history }: DeadLetter): string {
  const tries = history.length > 1 ? ` after ${history.length} attempts` : ''
  return [failedAt, service, type, id, styleText('red', reason.slice(0, 160)) + tries].filter(Boolean).join('  ')
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    // Not JSON, which may be why it lies here: shown as it came.
    return body.slice(0, 2_000)
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}

function complain(what: string): number {
  process.stderr.write(`${what}\n\n${USAGE}\n`)
  return 2
}
