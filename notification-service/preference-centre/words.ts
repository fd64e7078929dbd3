// The texts of the preference centre by language, and the names of categories.
import { BrokenError } from '@orders/shared/runtime'
import { localeFor } from '../rendering/locale.ts'
import { type TemplateFiles, textsOf } from '../rendering/template-files.ts'
import { ways } from './choices.ts'

const NAMES = [
  'title',
  'intro',
  'mail',
  'unsubscribe',
  'save',
  'saved',
  'left',
  'undone',
  'undo',
  'always',
  'alwaysAbout',
  'alwaysMark',
  'noLink',
  'noLinkHelp',
  ...ways,
] as const
export type CentreWords = Record<(typeof NAMES)[number], string>

export interface Speech {
  locale: string
  words: CentreWords
  /** The category's name for people. Without one, its identifier in a readable form. */
  nameOf(category: string): string
  about(category: string): string | undefined
}

export interface Speeches {
  in(locale: string | undefined): Speech
  /** The categories that have a name in the files. */
  categories: readonly string[]
}

/** @throws BrokenError `template_broken` if a file lacks a text. */
export function speechesOf(files: TemplateFiles): Speeches {
  const spoken = new Map<string, Speech>()
  const categories = new Set<string>()
  for (const path of Object.keys(files)) {
    const [, locale] = /^centre\/([^/]+)\.json$/.exec(path) ?? []
    if (locale === undefined) continue
    const texts = textsOf(files, path)
    for (const name of Object.keys(texts)) {
      const [, category] = /^category\.((?:(?!\.about$).)+)$/.exec(name) ?? []
      if (category !== undefined) categories.add(category)
    }
    spoken.set(locale, {
      locale,
      words: wordsOf(texts, path),
      nameOf: (category) => texts[`category.${category}`] ?? readable(category),
      about: (category) => texts[`category.${category}.about`],
    })
  }
  return {
    in(wanted) {
      const speech = spoken.get(localeFor(wanted ?? null, [...spoken.keys()]))
      if (!speech) throw new BrokenError('template_broken', 'templates: centre/en.json is missing')
      return speech
    },
    categories: [...categories],
  }
}

function wordsOf(texts: Record<string, string>, path: string): CentreWords {
  const lacking = NAMES.filter((name) => typeof texts[name] !== 'string')
  if (lacking.length > 0)
    throw new BrokenError(
      'template_broken',
      `templates: ${path} lacks ${lacking.join(', ')}, for the preference centre`,
    )
  // The cast is safe: missing texts were reported above.
  return Object.fromEntries(NAMES.map((name) => [name, texts[name]])) as CentreWords
}

function readable(category: string): string {
  const words = category.replace(/[._-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
