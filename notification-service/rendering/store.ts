// The SQL of template files: the files of every version with which notifications were made.
import type { State } from '@orders/shared/messaging'
import { byKey, type Reader, type Sql } from '@orders/shared/storage'
import type { TemplateFiles } from './template-files.ts'

/** Stores the template files under their version, for every notification that names it. */
export async function saveTemplates(
  sql: Pick<Sql, 'run'>,
  version: string,
  files: TemplateFiles,
  at: string,
): Promise<void> {
  await sql.run(
    'insert into templates (version, files, first_used_at) values (?, ?, ?) on conflict (version) do nothing',
    version,
    JSON.stringify(files),
    at,
  )
}

/** By their version. Never changed. */
export const templateFiles: State<TemplateFiles> = { name: 'templates', load, save: async () => undefined }

async function load(sql: Reader, versions: string[]): Promise<Map<string, TemplateFiles>> {
  const rows = await sql.all<{ version: string; files: string }>(
    'select version, files from templates where version in each(?)',
    versions,
  )
  return byKey(
    rows,
    ({ version }) => version,
    // The cast is safe: only `saveTemplates` writes these rows.
    ({ files }) => JSON.parse(files) as TemplateFiles,
  )
}
