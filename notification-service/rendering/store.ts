// The SQL of the template files: those of every version that notifications were made with.
import type { Sql } from '@orders/shared/storage'
import type { TemplateFiles } from './template-files.ts'

/** Keeps the template files under their version, for every notification that names it. */
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

export async function templatesOf(sql: Pick<Sql, 'get'>, version: string): Promise<TemplateFiles | undefined> {
  const row = await sql.get<{ files: string }>('select files from templates where version = ?', version)
  // The cast is the decoding edge: every row was written by `saveTemplates`.
  return row && (JSON.parse(row.files) as TemplateFiles)
}
