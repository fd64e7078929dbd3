// The source tree as the architecture test sees it: its files, their imports, and their code without words.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')
const SKIPPED = new Set(['node_modules', 'build', 'dist', '.git', '.data', '.claude'])

export interface SourceFile {
  /** From the root, with slashes. */
  path: string
  text: string
  /** What it imports, as written, types included; and what it serves to browsers out of an installed package. */
  imports: string[]
  /** Without comments, and with every text and regular expression emptied. */
  code: string
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? walk(path) : [path]
  })
}

export const paths = walk(root).map((path) => relative(root, path).replaceAll('\\', '/'))

/** What Node runs; a browser's page has its own rules. */
const isSource = (path: string) => path.endsWith('.ts') || (path.endsWith('.js') && !path.includes('/console/'))

export const files: SourceFile[] = paths.filter(isSource).map((path) => {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, text, imports: importsOf(text), code: withoutWords(text) }
})

function importsOf(text: string): string[] {
  const forms =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|\bimport\('([^']+)'\)|\binstalled\.resolve\('([^']+)'\)/g
  return [...text.matchAll(forms)].map(([, ...found]) => found.find((name) => name !== undefined) ?? '')
}

/** The package of a bare import: `typebox/compile` is of `typebox`. Undefined for files and Node's own. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** A small reader of TypeScript: enough to tell code from comments, texts and regular expressions. */
export function withoutWords(text: string): string {
  const templates: number[] = []
  let code = ''
  let at = 0
  let depth = 0
  const skipTo = (end: number) => {
    // Line breaks stay, so that lines can be counted.
    code += text.slice(at, end).replace(/[^\n]/g, '')
    at = end
  }
  const endOf = (closing: string, from: number) => {
    const found = text.indexOf(closing, from)
    return found === -1 ? text.length : found + closing.length
  }
  const textEnd = (quote: string) => {
    let end = at + 1
    while (end < text.length && text[end] !== quote) {
      if (quote === '`' && text.startsWith('${', end)) return end
      end += text[end] === '\\' ? 2 : 1
    }
    return end
  }
  const readText = (quote: string) => {
    const end = textEnd(quote)
    code += quote
    skipTo(end)
    if (quote === '`' && text.startsWith('${', end)) {
      templates.push(depth)
      at = end + 2
      code += '+('
    } else {
      at = end + 1
      code += quote
    }
  }
  while (at < text.length) {
    const character = text[at] ?? ''
    if (text.startsWith('//', at)) skipTo(text.indexOf('\n', at) === -1 ? text.length : text.indexOf('\n', at))
    else if (text.startsWith('/*', at)) skipTo(endOf('*/', at))
    else if (character === "'" || character === '"' || character === '`') readText(character)
    else if (character === '}' && templates.at(-1) === depth) {
      templates.pop()
      code += ')+'
      readText('`')
    } else if (character === '/' && /(^|[=(,:;!&|?{}[\n>]|\breturn)\s*$/.test(code)) {
      code += '/'
      skipTo(regularExpressionEnd(text, at))
      code += '/'
    } else {
      if (character === '{') depth++
      if (character === '}') depth--
      code += character
      at++
    }
  }
  return code
}

function regularExpressionEnd(text: string, start: number): number {
  let inClass = false
  let end = start + 1
  for (; end < text.length && text[end] !== '\n'; end++) {
    const character = text[end]
    if (character === '\\') end++
    else if (character === '[') inClass = true
    else if (character === ']') inClass = false
    else if (character === '/' && !inClass) break
  }
  return end + 1
}
