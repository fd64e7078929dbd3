// Every generated file with its text, for writing them and for checking that they are up to date.

type Files = [path: string, text: string][]

/**
 * In the order in which they follow from one another: the lists of contracts and providers, who hears what, and everything else. Each stage
 * loads its sources when it is run, so that those before it need not be written yet.
 */
export const stages: readonly (() => Promise<Files>)[] = [
  async () => [
    ['shared/contracts/said.ts', (await import('./said.ts')).saidFile()],
    ['notification-service/channels/added-senders.ts', (await import('./added-senders.ts')).addedSendersFile()],
  ],
  async () => [['shared/contracts/heard.ts', await (await import('./heard.ts')).heardFile()]],
  async () => {
    const { asyncApi } = await import('./asyncapi.ts')
    const { envExample } = await import('./env-example.ts')
    const { eventsPages } = await import('./events-page.ts')
    const { choreographyPicture } = await import('./choreography-picture.ts')
    const { composeFile } = await import('./compose.ts')
    const { deployFiles } = await import('./deploy.ts')
    const { lifePicture } = await import('./life-picture.ts')
    const { manifestFile } = await import('./manifest.ts')
    const { pageWithSections } = await import('./sections.ts')
    return [
      ['.env.example', envExample()],
      ['package.json', manifestFile()],
      ['docker-compose.yml', composeFile()],
      ...deployFiles(),
      ['docs/topology.md', pageWithSections('docs/topology.md')],
      ['docs/tables.md', pageWithSections('docs/tables.md')],
      ['docs/channels.md', pageWithSections('docs/channels.md')],
      ['docs/choreography.svg', choreographyPicture()],
      ['docs/life-of-a-message.svg', lifePicture()],
      ...eventsPages(),
      ['docs/asyncapi.json', `${JSON.stringify(asyncApi(), null, 2)}\n`],
    ]
  },
]

export async function generated(): Promise<Map<string, string>> {
  const files = await Promise.all(stages.map((stage) => stage()))
  return new Map(files.flat())
}
