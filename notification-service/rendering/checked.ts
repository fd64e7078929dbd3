// The templates in use: read, compiled and checked. A build checks them for all of its starts and notes which files it found
// good, so that a start has only to see that its own are those.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokenError } from '@orders/shared/runtime'
import { templates as declarations } from '../templates/schemas.ts'
import { checkTemplates } from './check.ts'
import { NO_SHOP, readTemplateFiles, type Shop, versionOf, withShop } from './template-files.ts'
import { compileTemplates, type TemplateSet } from './template-set.ts'

/**
 * Those in `templates/` below `folder`, for this shop.
 *
 * @throws BrokenError `template_broken` that names every fault of the files.
 */
export function checkedTemplatesIn(folder: string, shop: Shop = NO_SHOP): TemplateSet {
  const files = readTemplateFiles(join(folder, 'templates'))
  const current = compileTemplates(withShop(files, shop))
  if (versionOf(files) !== versionNotedIn(folder)) checkTemplates(current, declarations)
  return current
}

/** What is said only where something is set is checked, and so is what is said only where nothing is. */
const SHOPS: readonly Shop[] = [NO_SHOP, { imprint: 'Shop Ltd\n1 High Street', replyTo: 'help@shop.example' }]

/** For builds only: what is noted there was checked by the very code that lies beside it. What is faulty is not noted, so each start tells it. */
export function noteChecked(folder: string): void {
  try {
    for (const shop of SHOPS) checkedTemplatesIn(folder, shop)
    writeFileSync(notePath(folder), versionOf(readTemplateFiles(join(folder, 'templates'))))
  } catch (thrown) {
    if (!(thrown instanceof BrokenError)) throw thrown
  }
}

function versionNotedIn(folder: string): string | undefined {
  const path = notePath(folder)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

const notePath = (folder: string) => join(folder, 'templates-checked')
