// `npm run archive`: reads entries of the audit log back from the files in which they left the database.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '@orders/shared/runtime'
import { openDatabase } from '@orders/shared/storage'
import { bringBack } from '../audit-service/archive/bring-back.ts'
import { readWhole } from '../audit-service/archive/files.ts'
import { AuditConfig } from '../audit-service/config.ts'
import { signerOf } from '../audit-service/proof/note.ts'
import { signingKey } from '../audit-service/proof/signing-key.ts'
import { archivesOf } from '../audit-service/reading/archives/store.ts'

const USAGE = `npm run archive -- list
npm run archive -- import FILE …

list    lists the archive files and their entries
import  verifies the files and reads them back into audit-service's database for seven days. audit-service may run.`

const STAYS_MS = 7 * 86_400_000

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [action, ...paths] = positionals
  if (!(action === 'list' || (action === 'import' && paths.length > 0))) throw new Error(USAGE)
  const config = readConfig(AuditConfig, process.env)
  const database = await openDatabase('audit-service', config.dataDir, config.databaseUrl)
  try {
    const all = await archivesOf(database)
    if (action === 'list') {
      for (const { file, first, last, backUntil } of all)
        say(`${file}  entries ${first} to ${last}${backUntil === null ? '' : `, read back until ${backUntil}`}`)
      return
    }
    const verifier = signerOf(config.auditOrigin, signingKey(config.auditSigningKey, config.dataDir))
    for (const path of paths) {
      const archived = all.find(({ file }) => file === basename(path))
      if (!archived) throw new Error(`${path}: the audit log has no archive of this name`)
      const read = await readWhole(path, verifier, archived.sha256)
      const until = new Date(Date.now() + STAYS_MS).toISOString()
      say(`${path}: ${await bringBack(database, archived, read, until)} entries are back until ${until}`)
    }
  } finally {
    await database.close()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
