// npm run lint:openapi: the OpenAPI documents of all services, as they run, by the recommended rules of Redocly and Spectral.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApiDocuments, operationsOf } from './openapi/documents.ts'
import { findWithRedocly, findWithSpectral } from './openapi/linters.ts'

const folder = await mkdtemp(join(tmpdir(), 'openapi-'))
let found = 0
try {
  for (const [service, document] of await openApiDocuments()) {
    const text = JSON.stringify(document, null, 2)
    const file = join(folder, `${service}.json`)
    await writeFile(file, text)
    const findings = (await Promise.all([findWithSpectral(text), findWithRedocly(file)])).flat()
    found += findings.length
    const operations = operationsOf(document).length
    console.log(`${service}: ${operations} operations, ${findings.length} findings by Redocly and Spectral`)
    for (const { linter, rule, at, message } of findings)
      console.log(`  ${service} ${at.replaceAll('~1', '/')}\n    ${linter} ${rule}: ${message}`)
  }
} finally {
  await rm(folder, { recursive: true })
}
process.exit(found === 0 ? 0 : 1)
