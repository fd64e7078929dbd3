// `npm run model`: the choreography as the services' own code has it, checked for every order of arrival by a model checker.
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { interruption } from '../../scripts/processes/interruption.ts'
import { type Choreography, readChoreography } from './choreography.ts'
import { explore } from './explore.ts'
import { judge } from './judge.ts'
import { mutantsOf } from './mutants.ts'
import { optionsOf, USAGE } from './options.ts'
import { requireTools, type Tools } from './spin.ts'

const chosen = optionsOf(process.argv.slice(2))
if (typeof chosen === 'string') {
  process.stderr.write(`${chosen}\n\n${USAGE}\n`)
  process.exit(2)
}
const { keep, mutants, only } = chosen
const say = (line: string) => process.stdout.write(`${line}\n`)
const signal = interruption()
const startedMs = performance.now()
const seconds = () => ((performance.now() - startedMs) / 1_000).toFixed(0)

const scratch = keep === undefined ? await scratchFolder() : undefined
const folder = scratch?.path ?? resolve(keep ?? '')
try {
  await mkdir(folder, { recursive: true })
  const tools = await requireTools(say, signal)
  const choreography = await readChoreography()
  process.exitCode = mutants ? await checkMutants(choreography, tools) : await checkModel(choreography, tools)
} catch (error) {
  if (!signal.aborted) console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await scratch?.remove()
}
process.exit()

async function checkModel(choreography: Choreography, tools: Tools): Promise<number> {
  const nouns = choreography.participants.map(({ noun }) => noun).join(', ')
  say(`exploring how ${nouns} handle every message, in every order of arrival and repeated …`)
  const { explored, model, verdict, story } = await judge(choreography, folder, tools, signal)
  const messages = explored.signals.filter(({ kind }) => kind === 'message').length
  say(`${explored.reached} states of an order, ${messages} messages, ${model.steps.length} steps`)
  say(`spin has visited ${verdict.states} states and checked ${model.promises.length} promises in each, ${seconds()} s`)
  if (keep !== undefined) say(`the model: ${folder}/model.pml`)
  if (story.length === 0) say('every promise is kept, and no order runs for ever')
  else say(['\na promise is broken by these steps:\n', ...story].join('\n'))
  return story.length === 0 ? 0 : 1
}

/** Exit code 1 when fewer than 19 of 20 are found. */
async function checkMutants(choreography: Choreography, tools: Tools): Promise<number> {
  const all = mutantsOf(choreography, await explore(choreography))
  const picked = all.filter(({ name }) => only === undefined || name.includes(only))
  if (picked.length === 0)
    throw new Error(`No mutant has "${only}" in its name. To check all mutants, leave out --only.`)
  let found = 0
  for (const [at, { name, made }] of picked.entries()) {
    const { story, broken } = await judge(made(choreography), folder, tools, signal)
    if (broken !== undefined) found++
    say(
      `${at + 1} of ${picked.length}, ${seconds()} s  ${name}: ${broken === undefined ? 'NOT FOUND' : `found, ${broken}`}`,
    )
    if (only !== undefined) say(story.join('\n'))
  }
  say(`${found} of ${picked.length} mutants found, ${((100 * found) / picked.length).toFixed(1)} %`)
  return found / picked.length < 0.95 ? 1 : 0
}
