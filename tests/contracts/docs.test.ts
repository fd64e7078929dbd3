// The documents say what is there: their links, paths, commands, variables, limits and quoted code are looked up.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { commands, events, services, topology } from '@orders/shared/contracts'
import { COMPLETE } from '@orders/shared/messaging'
import { describe, expect, it } from 'vitest'
import { consumedQueues } from '../../bench/choreography.ts'
import { paths, root } from '../architecture/source.ts'

interface Page {
  path: string
  text: string
  /** Without code blocks. */
  prose: string
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pageOf = (path: string): Page => {
  const text = read(path)
  return { path, text, prose: text.replace(/^```[\s\S]*?^```$/gm, '') }
}
const isDocument = (path: string) => /^[A-Z_]+\.md$|^docs\/.*\.md$|^[a-z]+-service\/README\.md$/.test(path)
const pages = paths.filter(isDocument).map(pageOf)

/** Everything between single backticks. */
const codeIn = (prose: string) => [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
const unique = (words: string[]) => [...new Set(words)].sort()

it('finds the documents it judges', () => {
  expect(pages.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['docs/architecture.md', 'docs/operations.md', 'order-service/README.md']),
  )
  expect(codeIn('a `b` and `c d`')).toEqual(['b', 'c d'])
})

describe.each(pages)('$path', ({ path, text, prose }) => {
  it('links only to what is there', () => {
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const wrong = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = '', anchor] = target.split('#')
        const linked = file === '' ? path : normalize(join(dirname(path), file))
        return !existsSync(join(root, linked)) || (anchor !== undefined && !anchorsOf(read(linked)).includes(anchor))
      })
    expect(wrong).toEqual([])
  })

  it('names only files and folders that are there', () => {
    expect(unique(codeIn(prose)).filter((code) => isPath(code) && !isThere(code, path))).toEqual([])
  })

  it('names only npm scripts that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...text.matchAll(/\bnpm run ([a-z][a-z0-9:-]*)/g)].map(([, name = '']) => name)
    expect(unique(named).filter((name) => !(name in scripts))).toEqual([])
  })

  it('names only variables and constants that are there', () => {
    const named = [
      ...text.matchAll(/(?<![\w/.-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b(?!\.md)|(?<![\w/.-])([A-Z][A-Z0-9_]+)=/g),
    ]
    const words = unique(named.map(([, word, assigned]) => word ?? assigned ?? ''))
    expect(words.filter((word) => !knownNames.has(word))).toEqual([])
  })

  it('gives limits as the file linked in the same line has them', () => {
    const wrong = prose.split('\n').flatMap((line) => {
      const linked = /\]\(([^)#]+\.ts)\)/.exec(line)?.[1]
      const limits = codeIn(line).filter((code) => /^(\w+( =|:) [\d_]+|\w+ === .+ \? \d+ : \d+)$/.test(code))
      return limits.filter(
        (limit) => linked === undefined || !read(normalize(join(dirname(path), linked))).includes(limit),
      )
    })
    expect(wrong).toEqual([])
  })
})

/** GitHub's anchors: lower case, without punctuation, hyphens for blanks. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

const folders = unique(paths.flatMap((path) => path.split('/').slice(0, 1)).filter((name) => !name.includes('.')))
/** Made by commands, and so not there before. */
const MADE = /^(build|node_modules|\.data)\b/

/** Looks like a path in this repository: a file by its ending, or whatever begins with one of its folders. */
function isPath(code: string): boolean {
  if (!/^[\w./-]+$/.test(code) || MADE.test(code) || code.startsWith('/')) return false
  return /\w\.(ts|mjs|md|json|yml|sql|svg)$/.test(code) || folders.includes(code.split('/')[0] ?? '')
}

/** From the root, from the document's own folder, or, as a bare name, anywhere. */
function isThere(code: string, page: string): boolean {
  const bare = !code.includes('/') && paths.some((path) => path.endsWith(`/${code}`))
  return bare || existsSync(join(root, code)) || existsSync(join(root, dirname(page), code))
}

/** Where a name in capitals may come from: the variables, the scripts that read or set more, the constants in the code. */
const sources = paths.filter((path) => /^(scripts\/.*|docker-compose\.yml|\.env\.example)$/.test(path))
const production = paths.filter((path) => path.endsWith('.ts') && !/(^|\/)tests?\//.test(path))
const constants = production.flatMap((path) =>
  [...read(path).matchAll(/\bconst ([A-Z][A-Z0-9_]+)\b/g)].map(([, name = '']) => name),
)
const knownNames = new Set([...sources.flatMap((path) => read(path).match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []), ...constants])

describe('docs/', () => {
  const own = pages.filter(({ path }) => /^docs\/[^/]+\.md$/.test(path))

  it('has no page that takes more than a sitting, but the list of changes', () => {
    const WORDS_MAX = 1_500
    const wordsIn = (text: string) => text.split(/\s+/).filter((word) => /\w/.test(word)).length
    const long = pages.filter(({ path, text }) => path !== 'CHANGELOG.md' && wordsIn(text) > WORDS_MAX)
    expect(long.map(({ path, text }) => `${path}: ${wordsIn(text)} words`)).toEqual([])
  })

  it('has an index that leads to every page', () => {
    const index = read('docs/README.md')
    const others = own.map(({ path }) => path.slice('docs/'.length)).filter((name) => name !== 'README.md')
    expect(others.filter((name) => !index.includes(`](${name})`))).toEqual([])
  })
})

it('README.md shows an order as it is answered, field by field', () => {
  const [, shown = ''] = /^```json\n([\s\S]*?)^```$/m.exec(read('README.md')) ?? []
  const examples = JSON.parse(read('order-service/examples.json')) as { name: string; answer: object }[]
  const placed = examples.find((one) => 'operationId' in one && one.operationId === 'placeOrder' && isOrder(one.answer))
  expect(Object.keys(JSON.parse(shown)).sort()).toEqual(Object.keys(placed?.answer ?? {}).sort())
})

const isOrder = (answer: object) => 'orderId' in answer

describe('docs/commands.md', () => {
  it('tells of every command there is', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = codeIn(read('docs/commands.md')).map((code) => code.replace(/^npm (run )?/, '').split(' ')[0] ?? '')
    // npm runs the first by itself; the others, one for each service, are told of by the first of them.
    const others = ['prepare', ...services.slice(1).map((noun) => `start:${noun}`)]
    expect(Object.keys(scripts).filter((name) => ![...named, ...others].includes(name))).toEqual([])
  })
})

describe('docs/follow-an-order.md and its forks', () => {
  const text = read('docs/follow-an-order.md') + read('docs/forks.md')
  const flat = (code: string) =>
    code
      .split('\n')
      .map((line) => line.trimStart())
      .join('\n')
      .trim()

  it('quotes the code as it is', () => {
    const quotes = [...text.matchAll(/^From \[([^\]]+)\]\(\.\.\/([^)]+)\):\n\n```ts\n([\s\S]*?)^```$/gm)]
    const stops = unique(
      quotes.map(([, , file = '']) => file).filter((file) => /^[a-z]+-service\/handlers\.ts$/.test(file)),
    )
    // Those that a plain order comes by.
    const nouns = unique(consumedQueues.map((queue) => queue.slice(0, queue.indexOf('.'))))
    expect(stops).toEqual(nouns.map((noun) => `${noun}-service/handlers.ts`))
    expect(quotes).toHaveLength([...text.matchAll(/^```ts$/gm)].length)
    const wrong = quotes.filter(
      ([, label, file = '', code = '']) => label !== file || !flat(read(file)).includes(flat(code)),
    )
    expect(wrong.map(([, , file, code]) => `${file}:\n${code}`)).toEqual([])
  })

  it('shows messages that fit their contracts', () => {
    const envelopes = [...text.matchAll(/^```json\n(\{\n {2}"specversion"[\s\S]*?)^```$/gm)].map(
      ([, json = '']) => json,
    )
    const contents = [...text.matchAll(/^`([a-z._]+)` carries:\n\n```json\n([\s\S]*?)^```$/gm)]
    expect(envelopes.length + contents.length).toBe([...text.matchAll(/^```json$/gm)].length)
    for (const json of envelopes) {
      const envelope = JSON.parse(json) as { type: string }
      expect([...(events.get(envelope.type)?.validator().Errors(envelope) ?? ['no contract'])]).toEqual([])
    }
    for (const [, type = '', json = ''] of contents) {
      const contract = events.get(type)
      const time = '2026-01-01T00:00:00Z'
      const about = { specversion: '1.0', id: `123/${type}`, source: '/docs', type, subject: '123', time }
      const envelope = { ...about, dataschema: contract?.dataschema, data: JSON.parse(json) }
      expect([...(contract?.validator().Errors(envelope) ?? ['no contract'])]).toEqual([])
    }
  })
})

it('every exchange and queue that a document names is there', () => {
  const known = new Set([COMPLETE, ...[...topology.exchanges, ...topology.queues].map(({ name }) => name)])
  const named = pages.flatMap(({ prose }) =>
    codeIn(prose).filter((code) => /^[a-z][\w.-]*\.(exchange|queue|dlq)$/.test(code)),
  )
  expect(unique(named).filter((name) => !known.has(name))).toEqual([])
})

describe('docs/observing.md', () => {
  it('tells of every metric there is and of no other', () => {
    // What the runtime counts, and what services give it.
    const giving = production.filter((path) => /^[a-z]+-service\//.test(path) && read(path).includes('OwnGauges'))
    const source = ['shared/service/metrics.ts', 'shared/service/retention.ts', ...giving].map(read).join('\n')
    const made = [...source.matchAll(/name: '(\w+)'|(?:gauge|part|counted|byQueue)\(\s*'(\w+)'/g)].map(
      ([, name, gauge]) => name ?? gauge ?? '',
    )
    const [, section = ''] = /^## Metrics\n([\s\S]*?)^## /m.exec(read('docs/observing.md')) ?? []
    const named = codeIn(section).filter((code) => /^[a-z]+(_[a-z]+)+$/.test(code))
    expect(unique(named)).toEqual(unique(made))
  })
})

describe.each(services)('the canvas of %s-service', (name) => {
  const text = existsSync(join(root, `${name}-service/README.md`)) ? read(`${name}-service/README.md`) : ''
  const hears = [...text.matchAll(/^\| (.+?) \| .+? \| .+? \|$/gm)].flatMap(([, cell = '']) => codeIn(cell))

  it('has the form of every other', () => {
    expect(text).toMatch(/^# [a-z]+-service\n\n[^\n]+\n\n\| hears \| does \| says \|\n/)
    const parts = [...text.matchAll(/\*\*(Owns|Asks|HTTP)\*\*|^(Settings): /gm)].map(([, bold, plain]) => bold ?? plain)
    expect(parts).toEqual(['Owns', 'Asks', 'HTTP', 'Settings'])
  })

  it('hears what is bound to its queue, and its own messages', () => {
    const bound = topology.bindings.filter(({ destination }) => destination === `${name}.queue`)
    const types = bound.map(({ pattern }) => pattern).filter((pattern) => pattern !== '')
    const own = [...commands.keys()].filter((type) => type.startsWith(`${name}.`))
    expect([...types, ...own].filter((type) => !hears.includes(type))).toEqual([])
  })

  it('names every route', () => {
    const routes = [...read(`${name}-service/http.ts`).matchAll(/app\.(get|post|put|delete)\(\s*'([^']+)'/g)]
    const wanted = routes.map(([, method = '', path]) => `${method.toUpperCase()} ${path}`)
    expect(wanted.filter((route) => !text.includes(route))).toEqual([])
  })
})
