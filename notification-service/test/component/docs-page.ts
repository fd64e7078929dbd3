// A page of the docs whose commands are run, as they stand there, and have the answers that stand there.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs, promisify } from 'node:util'
import { eventually } from '@orders/shared/testing'
import { expect } from 'vitest'

const STEP = /^```sh\n([\s\S]*?)^```\n\nAnswer, `(\d+)`:\n\n```json\n([\s\S]*?)^```$/gm
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
/** No command says the same twice in the same way: times, how long a call took, and what a provider calls a message. */
const VARYING = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/
const PATIENCE_MS = 10_000
const run = promisify(execFile)

/** What curl would be given, as the shell reads the command: not every machine has curl itself. */
async function curlArguments(command: string) {
  const { stdout } = await run('sh', ['-c', `curl() { printf '%s\\0' "$@"; }; ${command}`])
  return parseArgs({
    args: stdout.split('\0').slice(0, -1),
    options: {
      request: { type: 'string', short: 'X', default: 'GET' },
      header: { type: 'string', short: 'H', multiple: true, default: [] },
      data: { type: 'string', short: 'd' },
    },
    allowPositionals: true,
  })
}

/** Does what the command says. */
async function curl(command: string): Promise<{ status: string; body: string }> {
  const { values, positionals } = await curlArguments(command)
  const headers = new Headers(values.header.map((header): [string, string] => splitAt(header, ': ')))
  const [url = ''] = positionals
  const answer = await fetch(url, { method: values.request, headers, ...(values.data && { body: values.data }) })
  return { status: String(answer.status), body: await answer.text() }
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return [text.slice(0, at), text.slice(at + separator.length)]
}

/** What may differ from run to run is made the same on both sides. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value === 'string') return VARYING.test(value) && !value.startsWith('2035') ? 'an instant' : value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, name === 'durationMs' ? typeof one : comparable(one)]),
  )
}

export interface Page {
  text: string
  steps: { command: string; status: string; answer: string }[]
  /** Expects every command to have its answer, and the service behind `url` to give it. */
  expectAnswers(url: string): Promise<void>
}

/** A page in `docs/`. */
export function pageOf(name: string): Page {
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', name), 'utf8')
  const steps = [...text.matchAll(STEP)].map(([, command = '', status = '', answer = '']) => ({
    command,
    status,
    answer,
  }))
  return { text, steps, expectAnswers: (url) => expectAnswers(text, steps, url) }
}

async function expectAnswers(text: string, steps: Page['steps'], url: string): Promise<void> {
  expect(steps).toHaveLength([...text.matchAll(/^```sh$/gm)].length)
  /** The page's ids, by those of this run. */
  const ids = new Map<string, string>()
  const here = (command: string) => {
    let text = command.trim().replaceAll('http://localhost:8084', url)
    for (const [real, shown] of ids) text = text.replaceAll(shown, real)
    return text
  }
  const asOnPage = (text: string) => text.replace(UUID, (id) => ids.get(id) ?? id)

  const answered = (command: string) => curl(here(command))

  for (const { command, status, answer } of steps) {
    const first = await answered(command)
    const shown = [...answer.matchAll(UUID)].map(([id]) => id)
    const real = [...first.body.matchAll(UUID)].map(([id]) => id)
    for (const [index, id] of real.entries()) if (!ids.has(id)) ids.set(id, shown[index] ?? id)
    const expected = { status, body: comparable(JSON.parse(answer)) }
    const seen = ({ status: code, body }: typeof first) => ({
      status: code,
      body: comparable(JSON.parse(asOnPage(body))),
    })
    let last = seen(first)
    // What is still under way comes to the answer of the page in the end; nothing else is asked for twice.
    if (!/ -X /.test(command))
      await eventually(
        'the answer of the page',
        async () => {
          last = seen(await answered(command))
          return isDeepStrictEqual(last, expected) || undefined
        },
        PATIENCE_MS,
      ).catch(() => undefined)
    expect(last, command).toEqual(expected)
    if (command.includes('Idempotency-Key')) expect(seen(await answered(command))).toEqual(expected)
  }
}
