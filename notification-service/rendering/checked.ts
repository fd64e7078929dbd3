// Reads, compiles and checks the current templates. A build checks them once and notes the version of the files that it
// checked, so that a start only compares versions.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokenError } from '@orders/shared/runtime'
import { templates as declarations } from '../templates/schemas.ts'
import { checkTemplates } from './check.ts'
import { NO_SHOP, readTemplateFiles, type Shop, versionOf, withShop } from './template-files.ts'
import { compileTemplates, type TemplateSet } from './template-set.ts'

/**
 * The templates in `templates/` below `folder`, for this shop.
 *
 * @throws BrokenError `template_broken`, which names every fault in the files.
 */
export function checkedTemplatesIn(folder: string, shop: Shop = NO_SHOP): TemplateSet {
  const files = readTemplateFiles(join(folder, 'templates'))
  const current = compileTemplates(withShop(files, shop))
  if (versionOf(files) !== versionNotedIn(folder)) checkTemplates(current, declarations)
  return current
}

/** With and without settings, since some texts appear only if a setting is set, others only if it is not. */
const SHOPS: readonly Shop[] = [NO_SHOP, { imprint: 'Shop Ltd\n1 High Street', replyTo: 'help@shop.example' }]

/**
 * For builds only: the noted version was checked by the code of the same build. Faulty files are not noted, so each
 * start checks them and reports the faults.
 */
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
