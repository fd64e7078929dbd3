// The templates as the service has them, for tests.
import { join } from 'node:path'
import { NO_SHOP, readTemplateFiles, withShop } from '../rendering/template-files.ts'
import { compileTemplates } from '../rendering/template-set.ts'

export const files = withShop(readTemplateFiles(join(import.meta.dirname, '..', 'templates')), NO_SHOP)
export const set = compileTemplates(files)
export const style = { version: set.version, currency: 'EUR', timeZone: 'UTC', defaultEmailDomain: 'example.com' }
