// The templates as the service has them, for tests.
import { join } from 'node:path'
import { readTemplateFiles } from '../rendering/template-files.ts'
import { compileTemplates } from '../rendering/template-set.ts'

export const files = readTemplateFiles(join(import.meta.dirname, '..', 'templates'))
export const set = compileTemplates(files)
export const style = { version: set.version, currency: 'EUR', defaultEmailDomain: 'example.com' }
