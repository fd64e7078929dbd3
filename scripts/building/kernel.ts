// The kernel as a package of its own: `shared/` without this project's contracts, as JavaScript with its types, for other
// choreographies. Its public API is what its doors export.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './contents.mjs'

export const NAME = 'choreography-kernel'
const SOURCE = join(ROOT, 'shared')
/** By the name that others import it with. */
const DOORS = {
  contracts: 'contracts/definition/index',
  messaging: 'messaging/index',
  runtime: 'runtime/index',
  storage: 'storage/index',
  testing: 'testing/index',
}
/** Whose types its own types name, at versions that fit its own. */
const TYPES = ['@types/node']

const run = promisify(execFile)

/** Builds into `folder`, which is emptied first, and gives the path of the packed archive that it leaves in `into`. */
export async function packKernel(folder: string, into: string): Promise<string> {
  const out = resolve(ROOT, folder)
  await rm(out, { recursive: true, force: true })
  await mkdir(into, { recursive: true })
  await compile(out)
  await Promise.all([copyAsTheyAre(out), writeManifest(out), cp(join(ROOT, 'LICENSE'), join(out, 'LICENSE'))])
  await cp(join(ROOT, 'scripts', 'building', 'kernel.md'), join(out, 'README.md'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', resolve(into)], { cwd: out })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  if (!packed) throw new Error(`npm pack did not say what it packed from ${out}`)
  return join(resolve(into), packed.filename)
}

async function compile(out: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'kernel-'))
  const project = join(scratch, 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    rootDir: SOURCE,
    outDir: out,
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  }
  const files = Object.values(DOORS).map((door) => join(SOURCE, `${door}.ts`))
  await writeFile(
    project,
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [], files }),
  )
  try {
    await run(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project])
  } finally {
    await rm(scratch, { recursive: true })
  }
}

/** Migrations, and what is loaded into other processes. */
async function copyAsTheyAre(out: string): Promise<void> {
  const paths = await readdir(SOURCE, { recursive: true })
  for (const path of paths.filter((one) => /\.(sql|mjs)$/.test(one) && !/(^|\/)(test|node_modules)\//.test(one))) {
    await mkdir(dirname(join(out, path)), { recursive: true })
    await cp(join(SOURCE, path), join(out, path))
  }
}

async function writeManifest(out: string): Promise<void> {
  const own = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8'))
  const project = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const doors = Object.entries(DOORS).map(([name, path]) => [
    `./${name}`,
    { types: `./${path}.d.ts`, default: `./${path}.js` },
  ])
  const manifest = {
    name: NAME,
    version: own.version,
    description: 'Services that talk only through RabbitMQ and lose nothing: group commit, outbox, retries as rows.',
    license: project.license,
    type: 'module',
    engines: project.engines,
    exports: Object.fromEntries(doors),
    dependencies: own.dependencies,
    peerDependencies: Object.fromEntries(TYPES.map((name) => [name, project.devDependencies[name]])),
    peerDependenciesMeta: Object.fromEntries(TYPES.map((name) => [name, { optional: true }])),
  }
  await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}
