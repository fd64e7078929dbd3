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
}

export function withHistory(
  current: TemplateSet,
  load: (version: string) => Promise<TemplateFiles | undefined>,
): Templates {
  // One for each release that something is still asked of; compiled when the first one asks.
  const older = new Map<string, TemplateSet>()
  async function setOf(version: string): Promise<TemplateSet> {
    if (version === current.version) return current
    const known = older.get(version)
    if (known) return known
    const files = await load(version)
    if (!files) throw new PermanentError('no_such_templates', `no template files are kept of version ${version}`)
    const set = compileTemplates(files)
    older.set(version, set)
    return set
  }
  return {
    current,
    render: async (words, unsubscribe) => (await setOf(words.version)).render(words, unsubscribe),
    subject: async (words) => (await setOf(words.version)).subject(words),
  }
}
