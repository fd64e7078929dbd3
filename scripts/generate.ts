// `npm run generate`: writes the files that follow from the code. A test holds them to be up to date.
//
// Each stage in a process of its own, since a module is loaded once for each process and a stage reads what the one before it wrote.
import { writeFile } from 'node:fs/promises'
import { stages } from './generate/files.ts'
import { start } from './processes/child.ts'

const [chosen] = process.argv.slice(2)
if (chosen === undefined) {
  for (const stage of stages.keys()) {
    const again = ['scripts/bootstrap.mjs', 'scripts/generate.ts', String(stage)]
    const { code } = await (await start(process.execPath, again, { stdio: 'inherit' })).exited
    if (code !== 0) process.exit(1)
  }
} else {
  for (const [path, text] of (await stages[Number(chosen)]?.()) ?? []) {
    await writeFile(path, text)
    process.stdout.write(`wrote ${path}\n`)
  }
}
