// The templates in use, and those that older notifications were made with.
import { PermanentError } from '@orders/shared/runtime'
import type { Content, Words } from '../content.ts'
import type { TemplateFiles } from './template-files.ts'
import { compileTemplates, type TemplateSet } from './template-set.ts'

export interface Templates {
  current: TemplateSet
  /**
   * With the very files that the words name, so a repeat says the same after the templates were changed.
   *
   * @throws PermanentError `no_such_templates` when these files were never kept.
   */
  render(words: Words, unsubscribe?: string): Promise<Content>
  subject(words: Words): Promise<string>
  /** The same without waiting: `files` are those of the version, which `current` need not be given. */
  setOf(version: string, files: TemplateFiles | undefined): TemplateSet
}

export function withHistory(
  current: TemplateSet,
  load: (version: string) => Promise<TemplateFiles | undefined>,
): Templates {
  // One for each release that something is still asked of; compiled when the first one asks.
  const older = new Map<string, TemplateSet>()
  function setOf(version: string, files: TemplateFiles | undefined): TemplateSet {
    const known = version === current.version ? current : older.get(version)
    if (known) return known
    if (!files) throw new PermanentError('no_such_templates', `no template files of version ${version} are stored`)
    const set = compileTemplates(files)
    older.set(version, set)
    return set
  }
  async function loaded({ version }: Words): Promise<TemplateSet> {
    const isKnown = version === current.version || older.has(version)
    return setOf(version, isKnown ? undefined : await load(version))
  }
  return {
    current,
    setOf,
    render: async (words, unsubscribe) => (await loaded(words)).render(words, unsubscribe),
    subject: async (words) => (await loaded(words)).subject(words),
  }
}
