// Every generated file with its text, for writing them and for checking that they are up to date.
import { asyncApi } from './asyncapi.ts'
import { envExample } from './env-example.ts'
import { eventsPage } from './events-page.ts'
import { heardFile } from './heard.ts'

export async function generated(): Promise<Map<string, string>> {
  return new Map([
    ['.env.example', envExample()],
    ['shared/contracts/heard.ts', await heardFile()],
    ['docs/events.md', eventsPage()],
    ['docs/asyncapi.json', `${JSON.stringify(asyncApi(), null, 2)}\n`],
  ])
}
