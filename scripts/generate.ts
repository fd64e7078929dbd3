// `npm run generate`: writes the files that follow from the code: .env.example, docs/events.md and docs/asyncapi.json.
// A test holds them to be up to date.
import { writeFile } from 'node:fs/promises'
import { generated } from './generate/files.ts'

for (const [path, text] of await generated()) {
  await writeFile(path, text)
  process.stdout.write(`wrote ${path}\n`)
}
