// The template files, as text: what is compiled at start, and what is kept so that an older notification stays the same.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Path below `templates/`, with slashes, and text. */
export type TemplateFiles = Record<string, string>

const IS_TEMPLATE = /\.(hbs|json)$/

/** Everything in a fixed order, so that the same files have the same version. */
export function readTemplateFiles(folder: string): TemplateFiles {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  return Object.fromEntries(
    paths
      .filter((path) => IS_TEMPLATE.test(path))
      .sort()
      .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  )
}

/** What the service's settings say that mails show; empty where nothing is set. Templates read it as `@shop`. */
export interface Shop {
  /** Lines. */
  imprint: string
  /** Who reads replies. */
  replyTo: string
}

export const NO_SHOP: Shop = { imprint: '', replyTo: '' }

/** As one file more, so that a message says the same to the letter after a setting was changed, too. */
export function withShop(files: TemplateFiles, { imprint, replyTo }: Shop): TemplateFiles {
  return { ...files, 'shop.json': JSON.stringify({ imprint, replyTo }) }
}

/** Names these files: another version as soon as one letter differs. */
export function versionOf(files: TemplateFiles): string {
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
}

export const parts = ['subject', 'short', 'text', 'html'] as const
export type Part = (typeof parts)[number]

/** One template in one locale. */
export interface Variant {
  template: string
  locale: string
  /** File name without `.hbs`; those that are no part are partials of this variant alone. */
  files: Map<string, string>
}

/** Text and HTML may be one file, which the partials of the same names write in either way: so they say the same. */
export function fileOf({ files }: Variant, part: Part): string | undefined {
  return files.get(part) ?? (part === 'text' || part === 'html' ? files.get('mail') : undefined)
}

/** A folder in a folder that is no other room is a template in a locale: `order.paid/de/text.hbs`. */
export function variantsOf(files: TemplateFiles): Variant[] {
  const variants = new Map<string, Variant>()
  for (const path of Object.keys(files)) {
    const [, template, locale, name] = /^([^/]+)\/([^/]+)\/([^/]+)\.hbs$/.exec(path) ?? []
    if (template === undefined || locale === undefined || name === undefined || template === 'partials') continue
    const key = `${template}/${locale}`
    const variant = variants.get(key) ?? { template, locale, files: new Map() }
    variants.set(key, variant)
    variant.files.set(name, path)
  }
  return [...variants.values()]
}

/** HTML and everything else are written by different partials of the same names. */
export type Mode = 'html' | 'text'
export const modeOf = (part: Part): Mode => (part === 'html' ? 'html' : 'text')

/** What a file of `variant` may include, by name: the layout, the partials for all, its own. */
export function partialsOf(files: TemplateFiles, mode: Mode, variant?: Variant): Map<string, string> {
  const folder = `partials/${mode}/`
  const common = Object.keys(files)
    .filter((path) => path.startsWith(folder))
    .map((path): [string, string] => [path.slice(folder.length, -'.hbs'.length), path])
  const own = [...(variant?.files ?? [])].filter(([name]) => !parts.some((part) => part === name))
  return new Map([...common, ['layout', `layout/${mode}.hbs`], ...own])
}

/** `words/de.json`, `theme.json` and `shop.json`: texts by name. */
export function textsOf(files: TemplateFiles, path: string): Record<string, string> {
  // The cast is the decoding edge: a file is data, and what it lacks is told by the check at start.
  return JSON.parse(files[path] ?? '{}') as Record<string, string>
}
