// Reads the template files as text. They are compiled at start, and stored so that older notifications keep their
// words.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Text by path below `templates/`, with slashes. */
export type TemplateFiles = Record<string, string>

const IS_TEMPLATE = /\.(hbs|json)$/

/** In a fixed order, so that the same files have the same version. */
export function readTemplateFiles(folder: string): TemplateFiles {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  return Object.fromEntries(
    paths
      .filter((path) => IS_TEMPLATE.test(path))
      .sort()
      .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  )
}

/** The settings that mails show, as `@shop` in templates. Empty if they are not set. */
export interface Shop {
  /** May have several lines. */
  imprint: string
  /** The address for replies. */
  replyTo: string
}

export const NO_SHOP: Shop = { imprint: '', replyTo: '' }

/** Adds the shop's settings as one more file, so that a message keeps its text after a setting was changed. */
export function withShop(files: TemplateFiles, { imprint, replyTo }: Shop): TemplateFiles {
  return { ...files, 'shop.json': JSON.stringify({ imprint, replyTo }) }
}

/** The version of these files, a hash of them. */
export function versionOf(files: TemplateFiles): string {
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
}

export const parts = ['subject', 'short', 'text', 'html'] as const
export type Part = (typeof parts)[number]

/** One template in one locale. */
export interface Variant {
  template: string
  locale: string
  /** By file name without `.hbs`. Files that are no part are partials of this variant alone. */
  files: Map<string, string>
}

/**
 * Text and HTML may share one file, `mail.hbs`, so that they have the same content. Partials of the same name write it
 * in either form.
 */
export function fileOf({ files }: Variant, part: Part): string | undefined {
  return files.get(part) ?? (part === 'text' || part === 'html' ? files.get('mail') : undefined)
}

/** A variant is a folder in a template's folder, for example `order.paid/de/text.hbs`. `partials` is no template. */
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

/** HTML and the other parts use different partials of the same names. */
export type Mode = 'html' | 'text'
export const modeOf = (part: Part): Mode => (part === 'html' ? 'html' : 'text')

/** The files that a file of `variant` may include, by name: layout, common partials, the variant's own. */
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
  // The cast is not checked here: the check at start reports what a file lacks.
  return JSON.parse(files[path] ?? '{}') as Record<string, string>
}
