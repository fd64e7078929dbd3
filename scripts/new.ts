// `npm run new -- service invoice --hears order.paid --says invoice.issued`: writes a service that starts, is tested and documented.
// `npm run new -- event invoice.paid`: adds an event to what an existing service may say. `npm run new -- channel sms-acme`: writes a
// provider of a channel. `npm run new -- project ../library`: makes a project of one's own, on the same kernel.
import { known } from './new/known.ts'
import { USAGE, type Wish, wishOf } from './new/wish.ts'
import { write } from './new/write.ts'
import { start } from './processes/child.ts'

const wish = wanted()
if (wish === undefined) process.exitCode = 1
else await fulfil(wish)

async function fulfil(wish: Wish): Promise<void> {
  const written = await write(wish)
  if (written.length > 0) {
    // The layout is as everywhere, and the rest follows from what was written.
    await finish(['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '--log-level=error', ...written])
    await finish(['scripts/bootstrap.mjs', 'scripts/generate.ts'])
  }
  process.stdout.write(`\nNext: ${wish.next}\n`)
}

function wanted(): Wish | undefined {
  try {
    return wishOf(process.argv.slice(2), known())
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    return undefined
  }
}

async function finish(command: string[]): Promise<void> {
  const { code } = await (await start(process.execPath, command, { stdio: 'inherit' })).exited
  if (code !== 0) throw new Error(`node ${command.join(' ')} failed`)
}
