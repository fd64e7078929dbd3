// The check at start: every template in every locale fits its schema, whatever data arrives later.
import { BrokenError } from '@orders/shared/runtime'
import { type TObject, type TSchema, Type } from 'typebox'
import { Errors } from 'typebox/value'
import { completed, type Data, isData } from '../content.ts'
import type { Declaration } from '../templates/schemas.ts'
import { checkProgram } from './check-file.ts'
import { DEFAULT_LOCALE } from './locale.ts'
import { type Seen, seenOf, text } from './scope.ts'
import { fileOf, type Part, parts, type TemplateFiles, textsOf, type Variant, variantsOf } from './template-files.ts'
import type { TemplateSet } from './template-set.ts'

type Declarations = ReadonlyMap<string, Declaration>

/** @throws BrokenError `template_broken`, which names every fault with its file, line and variable. */
export function checkTemplates(set: TemplateSet, declarations: Declarations): void {
  const variants = variantsOf(set.files)
  const faults = [
    ...missing(variants, declarations),
    ...variants.flatMap((variant) => faultsOf(set, variant, declarations)),
  ]
  if (faults.length === 0) faults.push(...variants.flatMap((variant) => unrendered(set, variant, declarations)))
  if (faults.length > 0) throw new BrokenError('template_broken', `templates: ${[...new Set(faults)].join('; ')}`)
}

function missing(variants: Variant[], declarations: Declarations): string[] {
  return [...declarations.keys()]
    .filter((name) => !variants.some(({ template, locale }) => template === name && locale === DEFAULT_LOCALE))
    .map((name) => `${name}/${DEFAULT_LOCALE}/ is missing`)
}

/** Faults that the files alone show: every path, in every branch, is compared with the schema. */
function faultsOf({ files, flat }: TemplateSet, variant: Variant, declarations: Declarations): string[] {
  const { template, locale } = variant
  const declared = declarations.get(template)
  if (!declared) return [`${template}/${locale}/ belongs to no schema`]
  if (!isLocale(locale)) return [`${template}/${locale}/ is not a BCP 47 language tag`]
  if (!(`words/${locale}.json` in files)) return [`words/${locale}.json is missing, ${template}/${locale}/ needs it`]
  const faults = parts.flatMap((part) =>
    fileOf(variant, part)
      ? []
      : [`${template}/${locale}/${part === 'text' || part === 'html' ? 'mail' : part}.hbs is missing`],
  )
  const here = seenOf(declared.data)
  for (const { part, program } of flat.filter(
    (one) => one.variant.template === template && one.variant.locale === locale,
  ))
    checkProgram(program, { here, data: surroundingsOf(files, locale, part) }, ({ loc }, message) =>
      faults.push(`${loc.source}:${loc.start.line} ${message} (${template})`),
    )
  return faults
}

function surroundingsOf(files: TemplateFiles, locale: string, part: Part): ReadonlyMap<string, Seen> {
  const object = (path: string): Seen => ({
    type: 'object',
    isOptional: false,
    fields: new Map(Object.keys(textsOf(files, path)).map((name) => [name, text])),
  })
  return new Map<string, Seen>([
    ['words', object(`words/${locale}.json`)],
    ['theme', object('theme.json')],
    ['shop', object('shop.json')],
    ['locale', text],
    ...(part === 'subject' ? [] : [['subject', text] as const]),
    ...(part === 'html' ? [['short', text] as const] : []),
    ['unsubscribe', { ...text, isOptional: true }],
  ])
}

/**
 * Faults that only rendering shows. Renders each template twice: with the whole sample, and with required fields only.
 */
function unrendered(set: TemplateSet, { template, locale }: Variant, declarations: Declarations): string[] {
  const declared = declarations.get(template)
  if (!declared) return []
  const { data: schema, sample } = declared
  return [sample, bare(schema, sample)].flatMap((given) => {
    const [fault] = Errors(schema, given)
    if (fault) return [`the sample of ${template}: ${fault.instancePath} ${fault.message}`]
    try {
      const data = completed(schema, given)
      const rendered = Object.entries(
        set.render({ template, version: set.version, locale, currency: 'EUR', timeZone: 'UTC', data }),
      )
      return rendered.flatMap(([part, words]) => (words.trim() === '' ? [`${template}/${locale}/ has no ${part}`] : []))
    } catch (thrown) {
      return [`${template}/${locale}/: ${thrown instanceof Error ? thrown.message : String(thrown)}`]
    }
  })
}

/** The data without optional fields, at every level. */
function bare({ properties, required }: TObject, given: Data): Data {
  const kept = Object.entries(properties).filter(([name]) => required.some((one) => one === name))
  return Object.fromEntries(kept.map(([name, property]) => [name, bareValue(property, given[name])]))
}

function bareValue(schema: TSchema, value: unknown): unknown {
  if (Type.IsArray(schema) && Array.isArray(value)) return value.map((item) => bareValue(schema.items, item))
  return Type.IsObject(schema) && isData(value) ? bare(schema, value) : value
}

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
