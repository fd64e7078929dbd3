// `npm run dead-letters -- list|letters|show|rehearse|replay|archive|…`: what the services gave up on, why, and what to do with it. It asks
// audit-service, which keeps them.
import { userInfo } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, styleText } from 'node:util'
import {
  type Audit,
  type Failed,
  type Group,
  openAudit,
  type Rehearsed,
  type Replay,
  type Shown,
} from './dead-letters/audit.ts'

const USAGE = `npm run dead-letters -- list [FILTER]               counts failed messages by cause
npm run dead-letters -- letters [FILTER]            lists the newest, one by one
npm run dead-letters -- show ID                     shows one message and what to do next; with --reason
                                                    TEXT also its personal data, which is recorded
npm run dead-letters -- rehearse ID                 says what would happen to it now; changes nothing
npm run dead-letters -- replay ID… | FILTER         sends messages again, in steps
npm run dead-letters -- archive ID… | FILTER        archives messages that need no action
npm run dead-letters -- replays                     lists the replays
npm run dead-letters -- stop REPLAY, resume REPLAY  stops a replay; continues it
npm run dead-letters -- actions                     lists what operators did, and why

FILTER: --queue QUEUE --type TYPE --subject ORDER --fingerprint CAUSE --text TEXT --from TIME --until TIME
        --state waiting|sending|sent_again|archived|any
A command that changes something needs --reason TEXT. --operator NAME is your name; the default is your login. With a
filter, replay and archive only count the messages, until you give that number: --expect N.
A replay sends 1 message (--canary N), then 10 times as many with each step, at most 100 per second (--rate N). After each
step it waits 5000 ms (--watch-ms N), and stops if a message fails again meanwhile.
Set PORT_BASE or PORT, HOST and OPERATOR_TOKENS as for audit-service.`

const text = { type: 'string' } as const
const OPTIONS = {
  ...{ queue: text, type: text, subject: text, fingerprint: text, text, state: text, from: text, until: text },
  ...{ operator: text, reason: text, expect: text, canary: text, rate: text, 'watch-ms': text },
}
const FILTERS = ['queue', 'type', 'subject', 'fingerprint', 'text', 'from', 'until', 'state'] as const
const FOLLOWED_EVERY_MS = 200

// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on('error', () => process.exit())
const say = (line = '') => process.stdout.write(`${line}\n`)

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

interface Asked {
  /** What stands after the command. */
  names: string[]
  values: { [name in keyof typeof OPTIONS]?: string | undefined }
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS })
  const [command = 'list', ...names] = positionals
  const action = { list, letters, show, rehearse, replay, archive, replays, stop, resume, actions }[command]
  if (!action) return complain(`unknown command ${command}`)
  return action(openAudit(process.env), { names, values })
}

async function list(audit: Audit, { values }: Asked): Promise<number> {
  const { groups, areAll, missingQueues } = await audit.get<{
    groups: Group[]
    areAll: boolean
    missingQueues: string[]
  }>(`/failed/groups${queryOf(values)}`)
  for (const { count, queue, type, code, reason, place, oldest, newest, fingerprint, example } of groups) {
    say(
      `${styleText('bold', String(count))}  ${queue}  ${type}  ${styleText('red', `${code}: ${reason.slice(0, 160)}`)}`,
    )
    say(
      `   ${place === '' ? '' : `at ${place}, `}${oldest} to ${newest}, --fingerprint ${fingerprint}, such as ${example}`,
    )
  }
  if (!areAll) say('… and more causes')
  for (const queue of missingQueues) say(`The queue ${queue} is missing: its service declares it when it starts.`)
  const total = groups.reduce((sum, { count }) => sum + count, 0)
  say(
    total === 0 ? 'No failed messages.' : `\n${total} in all. "npm run dead-letters -- show ID" says what to do next.`,
  )
  return 0
}

async function letters(audit: Audit, { values }: Asked): Promise<number> {
  const { failed, next } = await audit.get<{ failed: Failed[]; next: string | null }>(`/failed${queryOf(values)}`)
  for (const letter of failed) say(lineOf(letter))
  if (failed.length === 0) say('No failed messages.')
  if (next !== null) say('… and more: narrow the list with a filter')
  return 0
}

async function show(audit: Audit, { names: [id], values }: Asked): Promise<number> {
  if (id === undefined) return complain('show needs an id from "letters" or "list"')
  const { history, stack, body: masked, failures, nextStep, ...letter } = await audit.get<Shown>(`/failed/${id}`)
  const by = byOf(values)
  const body = by ? (await audit.post<Pick<Shown, 'body'>>(`/failed/${id}/look`, by)).body : masked
  say(styleText('bold', lineOf(letter)))
  for (const { at, attempt, error } of history) say(`  ${at}  attempt ${attempt}  ${error}`)
  if (stack) say(styleText('dim', indent(stack)))
  say(indent(body.text === undefined ? `base64 ${body.base64}` : pretty(body.text)))
  for (const other of failures) if (other.id !== letter.id) say(`  the same message: ${lineOf(other)}`)
  say(nextStep)
  return 0
}

/** Fails where sending it again would. */
async function rehearse(audit: Audit, { names: [id] }: Asked): Promise<number> {
  if (id === undefined) return complain('rehearse needs an id from "letters" or "list"')
  const { outcome, sentence, says, error } = await audit.post<Rehearsed>(`/failed/${id}/rehearsal`)
  say(sentence)
  for (const message of says) say(indent(`${message.type}  ${JSON.stringify(message.data)}`))
  if (outcome === 'fails') say(styleText('dim', indent(error?.stack ?? '')))
  return outcome === 'fails' || outcome === 'not_answering' ? 1 : 0
}

async function replay(audit: Audit, asked: Asked): Promise<number> {
  const { canary, rate, 'watch-ms': watchMs } = asked.values
  const steps = Object.entries({ canary, ratePerSecond: rate, watchMs }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Number(value)]],
  )
  const chosen = await choose(audit, asked, 'replay')
  if (typeof chosen === 'number') return chosen
  return follow(audit, await audit.post<Replay>('/replays', { ...chosen, ...Object.fromEntries(steps) }))
}

async function archive(audit: Audit, asked: Asked): Promise<number> {
  const chosen = await choose(audit, asked, 'archive')
  if (typeof chosen === 'number') return chosen
  const { archived } = await audit.post<{ archived: number }>('/failed/archive', chosen)
  say(`${archived} archived.`)
  return 0
}

/** Those that are named; or those that fit, once their number has been told. Otherwise the exit code. */
async function choose(audit: Audit, { names: ids, values }: Asked, command: string) {
  const filter = filterOf(values)
  const isFilter = Object.keys(filter).length > 0
  if (ids.length > 0 === isFilter) return complain(`${command} needs either ids or a filter`)
  const by = byOf(values)
  if (!by) return complain(`${command} needs --reason TEXT`)
  if (!isFilter) return { ...by, ids, expected: ids.length }
  if (values.expect !== undefined) return { ...by, filter, expected: Number(values.expect) }
  const { count } = await audit.get<{ count: number }>(`/failed/count${queryOf(values)}`)
  say(
    count === 0
      ? 'There are no such messages.'
      : `There are ${count}. Look at them (letters), then add --expect ${count}.`,
  )
  return count === 0 ? 1 : 0
}

async function follow(audit: Audit, { id }: Pick<Replay, 'id'>): Promise<number> {
  for (let told = -1; ; await delay(FOLLOWED_EVERY_MS)) {
    const now = await audit.get<Replay>(`/replays/${id}`)
    if (now.sent !== told && now.state === 'running') say(`${now.sent} of ${now.total} sent again …`)
    told = now.sent
    if (now.state === 'running') continue
    say(replayLine(now))
    return now.state === 'done' ? 0 : 1
  }
}

async function replays(audit: Audit): Promise<number> {
  const { replays: all } = await audit.get<{ replays: Replay[] }>('/replays')
  for (const one of all) say(`${one.createdAt}  ${one.operator}: ${one.reason}\n   ${replayLine(one)}`)
  if (all.length === 0) say('There are no replays yet.')
  return 0
}

async function stop(audit: Audit, { names: [id], values }: Asked): Promise<number> {
  const by = byOf(values)
  if (id === undefined || !by) return complain('stop needs the id of a replay and --reason TEXT')
  say(replayLine(await audit.post<Replay>(`/replays/${id}/stop`, by)))
  return 0
}

async function resume(audit: Audit, { names: [id], values }: Asked): Promise<number> {
  const by = byOf(values)
  if (id === undefined || !by) return complain('resume needs the id of a replay and --reason TEXT')
  return follow(audit, await audit.post<Replay>(`/replays/${id}/resume`, by))
}

async function actions(audit: Audit): Promise<number> {
  interface Action {
    at: string
    operator: string
    reason: string
    action: string
    about: object
  }
  const { actions: all } = await audit.get<{ actions: Action[] }>('/actions')
  for (const { at, operator, reason, action, about } of all)
    say(`${at}  ${operator}  ${action}  ${reason}\n   ${JSON.stringify(about)}`)
  if (all.length === 0) say('No operator has acted yet.')
  return 0
}

function filterOf(values: Asked['values']): Record<string, string> {
  return Object.fromEntries(FILTERS.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])))
}

function queryOf(values: Asked['values']): string {
  const query = new URLSearchParams(filterOf(values)).toString()
  return query === '' ? '' : `?${query}`
}

function byOf({ operator, reason }: Asked['values']) {
  return reason === undefined ? undefined : { operator: operator ?? userInfo().username, reason }
}

function replayLine({ id, state, why, total, sent, failedAgain }: Replay): string {
  const skipped = state === 'done' && sent < total ? `, another replay sent ${total - sent}` : ''
  const back = failedAgain > 0 ? `, ${failedAgain} failed again` : ''
  const how = state === 'stopped' ? `stopped: ${why}` : state
  return `${sent} of ${total} sent again${back}${skipped}: ${how} (replay ${id})`
}

function lineOf({ id, state, queue, type, subject, code, reason, service, failedAt, attempts }: Failed): string {
  const tries = attempts > 1 ? ` after ${attempts} attempts` : ''
  const known = state === 'waiting' ? '' : state
  const why = styleText('red', `${code}: ${reason.slice(0, 160)}`) + tries
  return [id, failedAt, queue, service, type, subject, known, why].filter(Boolean).join('  ')
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    // Not JSON, which may be why it is here: shown as it came.
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
