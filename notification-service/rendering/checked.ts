// The templates in use: read, compiled and checked. A build checks them for all of its starts and notes which files it found
// good, so that a start has only to see that its own are those.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokenError } from '@orders/shared/runtime'
import { templates as declarations } from '../templates/schemas.ts'
import { checkTemplates } from './check.ts'
import { readTemplateFiles } from './template-files.ts'
import { compileTemplates, type TemplateSet } from './template-set.ts'

/**
 * Those in `templates/` below `folder`.
 *
 * @throws BrokenError `template_broken` that names every fault of the files.
 */
export function checkedTemplatesIn(folder: string): TemplateSet {
  const current = compileTemplates(readTemplateFiles(join(folder, 'templates')))
  if (current.version !== versionNotedIn(folder)) checkTemplates(current, declarations)
  return current
}

/** For builds only: what is noted there was checked by the very code that lies beside it. What is faulty is not noted, so each start tells it. */
export function noteChecked(folder: string): void {
  try {
    writeFileSync(notePath(folder), checkedTemplatesIn(folder).version)
  } catch (thrown) {
    if (!(thrown instanceof BrokenError)) throw thrown
  }
}

function versionNotedIn(folder: string): string | undefined {
  const path = notePath(folder)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

const notePath = (folder: string) => join(folder, 'templates-checked')
