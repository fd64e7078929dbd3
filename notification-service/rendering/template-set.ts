// Compiles template files once and renders them for every message.
import { asError, BrokenError } from '@orders/shared/runtime'
import Handlebars from 'handlebars'
import type { Content, Words } from '../content.ts'
import { flatten, type Program, parsed } from './flatten.ts'
import { formats, type Manner } from './formats.ts'
import { localeFor, regionFor } from './locale.ts'
import {
  fileOf,
  modeOf,
  type Part,
  partialsOf,
  parts,
  type TemplateFiles,
  textsOf,
  type Variant,
  variantsOf,
  versionOf,
} from './template-files.ts'

export interface TemplateSet {
  version: string
  files: TemplateFiles
  flat: Flat[]
  /** By template, in the order of the files. */
  locales: ReadonlyMap<string, string[]>
  /**
   * `unsubscribe` is the recipient's link to unsubscribe. Text and HTML are rendered each time they are read.
   *
   * @throws BrokenError if these files lack the template that the words name.
   */
  render(words: Words, unsubscribe?: string): Content
  /** The subject alone, which costs a tenth of the whole message. */
  subject(words: Words): string
}

type Delegate = Handlebars.TemplateDelegate

/** One file with everything that it includes. */
interface Flat {
  variant: Variant
  part: Part
  program: Program
}

/** The `@name` variables of a template, besides the words of its locale and the theme. */
interface Surroundings {
  /** BCP 47, of the dates and numbers in the message. */
  locale: string
  manner: Manner
  subject?: string
  short?: string
  /** Null if the message has no such link. */
  unsubscribe: string | null
}

/**
 * Compiles everything. `checkTemplates` checks whether the templates fit their data.
 *
 * @throws BrokenError `template_broken` if a file is not valid Handlebars or includes a missing file.
 */
export function compileTemplates(files: TemplateFiles): TemplateSet {
  const flat = flatTemplates(files)
  const compiled = new Map<string, Map<string, Partial<Record<Part, Delegate>>>>()
  for (const { variant, part, program } of flat) {
    const variants = compiled.get(variant.template) ?? new Map<string, Partial<Record<Part, Delegate>>>()
    const run = { ...variants.get(variant.locale), [part]: compile(program, part) }
    compiled.set(variant.template, variants.set(variant.locale, run))
  }
  const locales = new Map([...compiled].map(([template, variants]) => [template, [...variants.keys()]]))

  function start(words: Words, unsubscribe: string | null = null) {
    const { template, locale: wanted, data } = words
    const locale = localeFor(wanted, locales.get(template) ?? [])
    const variant = compiled.get(template)?.get(locale)
    if (!variant) throw new BrokenError('no_such_template', `these templates have no ${template} in ${locale}`)
    const manner = mannerOf(words, locale)
    const surroundings: Surroundings = { locale: manner.region, manner, unsubscribe }
    const render = (part: Part) => variant[part]?.(data, { ...RUN, data: surroundings }) ?? ''
    surroundings.subject = oneLine(render('subject'))
    return { surroundings, subject: surroundings.subject, render }
  }

  return {
    version: versionOf(files),
    files,
    flat,
    locales,
    subject: (words) => start(words).subject,
    render(words, unsubscribe) {
      const { surroundings, subject, render } = start(words, unsubscribe)
      const short = oneLine(render('short'))
      surroundings.short = short
      // Rendered when read: these parts are most of the work, and only some channels use them.
      return {
        subject,
        short,
        get text() {
          return tidy(render('text'))
        },
        get html() {
          return mailable(render('html'))
        },
      }
    },
  }
}

/** Words of earlier versions have no time zone. They are rendered as those versions did. */
function mannerOf({ locale: wanted, currency, timeZone }: Words, locale: string): Manner {
  return timeZone === undefined
    ? { region: locale, currency, timeZone: 'UTC', has24Hours: true }
    : { region: regionFor(wanted, locale), currency, timeZone, has24Hours: false }
}

/** Templates read own properties of plain data only, so input cannot reach a prototype. */
const RUN = { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false }

const handlebars = Handlebars.create()
handlebars.registerHelper(formats)
const knownHelpers = Object.fromEntries(Object.keys(formats).map((name) => [name, true]))

function compile(program: Program, part: Part): Delegate {
  return handlebars.compile(program, { strict: true, knownHelpersOnly: true, knownHelpers, noEscape: part !== 'html' })
}

/** Flattens every part of every variant. Reports all faults at once. */
function flatTemplates(files: TemplateFiles): Flat[] {
  const faults: string[] = []
  const programs = new Map<string, Program>()
  for (const [path, text] of Object.entries(files))
    if (path.endsWith('.hbs'))
      try {
        programs.set(path, parsed(text, path))
      } catch (thrown) {
        faults.push(`${path}: ${asError(thrown).message}`)
      }
  const fault = ({ loc }: hbs.AST.Node, message: string) => faults.push(`${loc.source}:${loc.start.line} ${message}`)
  const theme = textsOf(files, 'theme.json')
  const shop = textsOf(files, 'shop.json')
  const flat = variantsOf(files).flatMap((variant) => {
    const texts = { theme, shop, words: textsOf(files, `words/${variant.locale}.json`) }
    return parts.flatMap((part) => {
      const program = programs.get(fileOf(variant, part) ?? '')
      const partials = partialsOf(files, modeOf(part), variant)
      const partial = (name: string) => programs.get(partials.get(name) ?? '')
      const [escaped, carried] = part === 'html' ? [escapedLines, mailable] : [String, String]
      return program ? [{ variant, part, program: flatten(program, { partial, texts, escaped, carried, fault }) }] : []
    })
  })
  if (faults.length > 0) throw new BrokenError('template_broken', `templates: ${[...new Set(faults)].join('; ')}`)
  return flat
}

/** A setting may have several lines. */
function escapedLines(text: string): string {
  return handlebars.escapeExpression(text).replaceAll('\n', '<br>\n')
}

/** A line break in a subject would begin another header. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Control}]+/gu, ' ').trim()
}

function tidy(text: string): string {
  return `${text.replace(/\n{3,}/g, '\n\n').trim()}\n`
}

/**
 * ASCII in lines of at most 76 characters, which a mail carries unencoded. So the raw mail is readable, and saves the
 * quoting, which would cost more than all of the rendering. In HTML a line break equals a space.
 */
function mailable(html: string): string {
  const ascii = IS_BEYOND_ASCII.test(html) ? html.replace(BEYOND_ASCII, entity) : html
  if (longestLine(ascii) <= LINE_MAX) return ascii
  const lines = ascii.split('\n')
  return lines.map((line) => (line.length > LINE_MAX ? line.replace(/(.{1,75}) /g, '$1\n') : line)).join('\n')
}

/** Nearly every page is ASCII already, so it is only tested. */
const IS_BEYOND_ASCII = /[^\n\x20-\x7e]/

function longestLine(text: string): number {
  let longest = 0
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const next = end < 0 ? text.length : end
    longest = Math.max(longest, next - at)
    at = next + 1
  }
  return longest
}

/** Written with surrogates: with the flag `u` it takes five times as long. */
const BEYOND_ASCII = /[\ud800-\udbff][\udc00-\udfff]|[^\n\x20-\x7e]/g

/** Keeps the raw mail readable (RFC 5322 §2.1.1 recommends at most 78). */
const LINE_MAX = 76

/** Control characters mean nothing in a mail, and some are forbidden in HTML even as entities. */
function entity(character: string): string {
  return /\p{Control}/u.test(character) ? ' ' : `&#${character.codePointAt(0)};`
}
