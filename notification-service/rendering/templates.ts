// Provides the current templates and those of older notifications.
import { PermanentError } from '@orders/shared/runtime'
import type { Content, Words } from '../content.ts'
import type { TemplateFiles } from './template-files.ts'
import { compileTemplates, type TemplateSet } from './template-set.ts'

export interface Templates {
  current: TemplateSet
  /**
   * Renders with the files of the version that the words name, so that a repeat has the same text after the templates
   * changed.
   *
   * @throws PermanentError `no_such_templates` if the files of this version were never stored.
   */
  render(words: Words, unsubscribe?: string): Promise<Content>
  subject(words: Words): Promise<string>
  /** Like `render`, but synchronous: the caller loads `files` of this version, unless it is the current one. */
  setOf(version: string, files: TemplateFiles | undefined): TemplateSet
}

export function withHistory(
  current: TemplateSet,
  load: (version: string) => Promise<TemplateFiles | undefined>,
): Templates {
  // One set for each older version that is still used, compiled at its first use.
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
