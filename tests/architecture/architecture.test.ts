// The rules of DESIGN §5 and STYLE, held by reading the source: rooms, ways of importing, and what may stand where.
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { events, orders } from '@orders/shared/contracts'
import { describe, expect, it } from 'vitest'
import { files, packageOf, paths, root, type SourceFile, withoutWords } from './source.ts'

const { services } = orders
const DOORS = ['contracts', 'messaging', 'storage', 'runtime', 'testing']
/** The rooms of `shared`: each imports of those before it only. The domain is of nobody but whoever enters by its door. */
const ROOMS = [
  'runtime',
  'storage',
  'topology',
  'contracts/definition',
  'contracts',
  'messaging',
  'retries',
  'commit',
  'personal',
  'retention',
  'handling',
  'http',
  'service',
  'testing',
  'testing/simulation',
  'testing/chaos',
]

const roomOf = ({ path }: { path: string }) => path.split('/')[0] ?? ''
const isTest = ({ path }: { path: string }) => /(^|\/)tests?\//.test(path) || path.startsWith('bench/')
const production = files.filter((file) => !isTest(file))
const ours = production.filter((file) => services.includes(roomOf(file)))
const shared = production.filter((file) => roomOf(file) === 'shared')

/** The lines of `code` that match, for people: `path:line`. */
const places = (file: SourceFile, pattern: RegExp, text = file.code) =>
  text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}`] : []))

/** Where a relative import leads, from the root. */
const targetOf = ({ path }: SourceFile, specifier: string) => normalize(join(dirname(path), specifier))
const localImports = (file: SourceFile) =>
  file.imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => targetOf(file, specifier))

describe('rooms', () => {
  const rooms = ['main', 'service', 'config', 'handlers', 'http', 'store', 'domain', 'tables'].map(
    (name) => `${name}.ts`,
  )

  it.each(services)('%s has the same as every other', (service) => {
    // Nothing tells whoever keeps the log what it was.
    const recalling = service === 'audit-service' ? [] : ['recall.ts']
    const expected = [...rooms, ...recalling, 'README.md', 'package.json', 'examples.json']
    expect(expected.filter((name) => !paths.includes(`${service}/${name}`))).toEqual([])
    expect(paths.some((path) => path.startsWith(`${service}/migrations/`))).toBe(true)
    expect(paths.some((path) => /\/test\/[^/]+\.test\.ts$/.test(path) && path.startsWith(`${service}/`))).toBe(true)
  })

  it('shared has its five doors and no other', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'shared/package.json'), 'utf8'))
    expect(Object.entries(manifest.exports)).toEqual(DOORS.map((door) => [`./${door}`, `./${door}/index.ts`]))
  })

  it('every file begins with a sentence that says what it is', () => {
    const without = files.filter(({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text))
    expect(without.map(({ path }) => path)).toEqual([])
  })

  it('no file is named after nothing', () => {
    const banned = /(^|[-./])(utils?|types|constants|helpers?|managers?|engine|bus|base|abstract|common|misc)([-.]|$)/
    expect(paths.filter((path) => banned.test(path.split('/').at(-1) ?? ''))).toEqual([])
  })

  it('no file outgrows its room', () => {
    const long = production
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > 280)
    expect(long).toEqual([])
  })
})

describe('imports', () => {
  /** main → service → http → handlers → store → domain. `config.ts` imports no other room and may be read by all. */
  const rank: Record<string, number> = {
    main: 0,
    rebuild: 0,
    service: 1,
    http: 2,
    recall: 2,
    handlers: 3,
    store: 5,
    domain: 6,
    config: 7,
  }
  // What is no room, such as a gateway, may be told of the rules and the store, but not of who calls it.
  const OUTSIDE_SYSTEM = 4
  const rankOf = (path: string) => {
    const name = /^[^/]+\/([a-z]+)\.ts$/.exec(path)?.[1]
    return name === undefined ? undefined : rank[name]
  }

  it.each(Object.keys(rank))('%s.ts is imported only from above', (name) => {
    const wrong = ours.flatMap((file) =>
      localImports(file)
        .filter((target) => target === `${roomOf(file)}/${name}.ts`)
        .filter((target) => (rankOf(file.path) ?? OUTSIDE_SYSTEM) >= (rankOf(target) ?? 0))
        .map((target) => `${file.path} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('config.ts imports nothing of its service but the settings of its parts, which import nothing', () => {
    const settings = ours.filter(({ path }) => path.endsWith('/config.ts') || path.endsWith('-settings.ts'))
    expect(settings.flatMap(localImports).filter((target) => !target.endsWith('-settings.ts'))).toEqual([])
  })

  it('no service imports another, nor anything outside but shared', () => {
    const wrong = files
      .filter((file) => services.includes(roomOf(file)))
      .flatMap((file) => {
        const own = `${roomOf(file)}/`
        const outside = localImports(file).filter((target) => !target.startsWith(own) && !target.startsWith('tests/'))
        const others = file.imports.filter((specifier) => /^@orders\/(?!shared\/)/.test(specifier))
        return [...outside, ...others].map((target) => `${file.path} imports ${target}`)
      })
    expect(wrong).toEqual([])
  })

  it('the rooms of shared import one way; a door, which may open others too, is above them all', () => {
    const isDoor = (path: string) => DOORS.some((door) => path === `shared/${door}/index.ts`)
    const sharedRoomOf = (path: string) => dirname(path).slice('shared/'.length)
    expect([...new Set(shared.map(({ path }) => sharedRoomOf(path)))].sort()).toEqual([...ROOMS].sort())
    const rankOfRoom = (path: string) => ROOMS.indexOf(sharedRoomOf(path))
    const wrong = shared
      .filter(({ path }) => !isDoor(path))
      .flatMap((file) =>
        shared
          .filter(({ path }) => localImports(file).includes(path))
          .flatMap(({ path, imports }) => (isDoor(path) ? imports.map((inner) => join(dirname(path), inner)) : [path]))
          .filter((target) => rankOfRoom(target) > rankOfRoom(file.path))
          .map((target) => `${file.path} imports ${target}`),
      )
    expect(wrong).toEqual([])
  })

  it.each(services)('no folders of %s import each other, by whatever way round', (service) => {
    const folderOf = (path: string) => (path.split('/').length > 2 ? path.split('/').slice(0, 2).join('/') : undefined)
    const reaches = new Map<string, Set<string>>()
    for (const file of ours.filter((one) => roomOf(one) === service))
      for (const target of localImports(file).flatMap((path) => folderOf(path) ?? [])) {
        const from = folderOf(file.path)
        if (from !== undefined && from !== target) reaches.set(from, (reaches.get(from) ?? new Set()).add(target))
      }
    const reachedFrom = (folder: string, seen = new Set<string>()): Set<string> => {
      for (const next of reaches.get(folder) ?? []) if (!seen.has(next)) reachedFrom(next, seen.add(next))
      return seen
    }
    expect([...reaches.keys()].filter((folder) => reachedFrom(folder).has(folder))).toEqual([])
  })

  it('notification-service knows orders in one folder only', () => {
    const wrong = ours
      .filter(
        ({ path }) => path.startsWith('notification-service/') && !path.startsWith('notification-service/orders/'),
      )
      // Templates have names of events; what is heard is said where the service is wired.
      .filter(({ path }) => !/^notification-service\/(templates\/|service\.ts)/.test(path))
      .flatMap((file) =>
        places(file, /'(order|payment|inventory|shipping)\.[a-z_]+'|\/orders\/[a-z-]+\.ts'/, file.text),
      )
    expect(wrong).toEqual([])
  })

  it('shared imports nothing but itself', () => {
    const wrong = files
      .filter((file) => roomOf(file) === 'shared')
      .flatMap((file) => localImports(file).filter((target) => !target.startsWith('shared/')))
    // The suite that RabbitMQ and the in-memory broker both pass stands beside the one that needs a broker.
    expect(wrong).toEqual(['tests/integration/broker-suite.ts'])
    expect(shared.flatMap(({ imports }) => imports.filter((specifier) => specifier.startsWith('@orders/')))).toEqual([])
  })

  it('shared is entered by its doors only, but for its suites, which are run over a real server as well', () => {
    const doors = DOORS.map((door) => `@orders/shared/${door}`)
    const wrong = files
      .filter((file) => roomOf(file) !== 'shared')
      .flatMap((file) => {
        const named = file.imports.filter(
          (specifier) => specifier.startsWith('@orders/shared') && !doors.includes(specifier),
        )
        const isSuite = (target: string) => isTest(file) && /^shared\/[a-z]+\/test\//.test(target)
        // What writes the contracts' list must run while the door, which opens that list, does not.
        const isList = (target: string) =>
          file.path === 'scripts/generate/said.ts' && target === 'shared/contracts/services.ts'
        const around = localImports(file).filter(
          (target) => target.startsWith('shared/') && !isSuite(target) && !isList(target),
        )
        return [...named, ...around].map((target) => `${file.path} imports ${target}`)
      })
    expect(wrong).toEqual([])
  })

  it('production code imports nothing of the tests', () => {
    const wrong = [...ours, ...shared.filter(({ path }) => !path.startsWith('shared/testing/'))].flatMap((file) =>
      file.imports
        .filter(
          (specifier) =>
            /^vitest|^fast-check|shared\/testing|(^|\/)tests?\//.test(specifier) || localTesting(file, specifier),
        )
        .map((specifier) => `${file.path} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  const localTesting = (file: SourceFile, specifier: string) =>
    specifier.startsWith('.') && targetOf(file, specifier).startsWith('shared/testing/')

  const walls: [string, RegExp, (path: string) => boolean][] = [
    ['fastify', /^(fastify|@fastify\/.*)$/, (path) => path.endsWith('/http.ts') || path.startsWith('shared/http/')],
    ['amqplib', /^amqplib$/, (path) => /^shared\/(messaging|topology)\//.test(path)],
    [
      'better-sqlite3',
      /^better-sqlite3$/,
      (path) => /^shared\/(storage|testing\/simulation)\//.test(path) || path === 'payment-service/gateway.ts',
    ],
    ['pg', /^pg$/, (path) => path.startsWith('shared/storage/')],
    ['nodemailer', /^nodemailer$/, (path) => path.startsWith('notification-service/channels/')],
    ['handlebars', /^handlebars$/, (path) => path.startsWith('notification-service/rendering/')],
    ['croner', /^croner$/, (path) => path === 'notification-service/jobs/schedule.ts'],
    ['pino', /^pino(-pretty)?$/, (path) => path === 'shared/runtime/log.ts'],
    [
      '@opentelemetry/api',
      /^@opentelemetry\/api$/,
      (path) => path === 'shared/messaging/spans.ts' || path.startsWith('shared/testing/'),
    ],
    ['prom-client', /^prom-client$/, (path) => path === 'shared/service/metrics.ts'],
  ]
  it.each(walls)('%s is known in its own place only', (_, name, isAllowed) => {
    const wrong = [...ours, ...shared].filter(
      ({ path, imports }) => !isAllowed(path) && imports.some((specifier) => name.test(packageOf(specifier) ?? '')),
    )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })
})

describe('dependencies', () => {
  const manifestOf = (folder: string) =>
    JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const packagesOf = (chosen: SourceFile[]) =>
    [...new Set(chosen.flatMap(({ imports }) => imports.flatMap((specifier) => packageOf(specifier) ?? [])))].sort()

  it.each([...services, 'shared'])('%s names exactly what it imports', (folder) => {
    const { dependencies = {} } = manifestOf(folder)
    expect(Object.keys(dependencies).sort()).toEqual(packagesOf(production.filter((file) => roomOf(file) === folder)))
  })

  it('tests, benchmarks and scripts import only what some manifest names', () => {
    const { devDependencies = {}, dependencies: own = {} } = manifestOf('.')
    const named = [...services, 'shared'].flatMap((folder) => Object.keys(manifestOf(folder).dependencies ?? {}))
    const known = new Set([...named, ...Object.keys(devDependencies), ...Object.keys(own)])
    expect(packagesOf(files).filter((name) => !known.has(name))).toEqual([])
  })

  it('versions are exact and the same everywhere', () => {
    const versions = new Map<string, Set<string>>()
    for (const folder of ['.', ...services, 'shared'])
      for (const kind of ['dependencies', 'devDependencies'])
        for (const [name, version] of Object.entries(manifestOf(folder)[kind] ?? {}))
          versions.set(name, (versions.get(name) ?? new Set()).add(version))
    // Node's types follow the oldest Node, whatever their patch.
    versions.delete('@types/node')
    const wrong = [...versions].filter(
      ([, found]) => found.size > 1 || ![...found].every((one) => /^\d+\.\d+\.\d+$/.test(one)),
    )
    expect(wrong.map(([name, found]) => [name, ...found])).toEqual([])
  })
})

describe('code', () => {
  it('reads the environment in one place only', () => {
    const allowed = (path: string) =>
      ['shared/service/run.ts', 'order-service/rebuild.ts', 'vitest.config.ts'].includes(path) ||
      path.startsWith('scripts/')
    const wrong = production.filter(({ path }) => !allowed(path)).flatMap((file) => places(file, /\bprocess\.env\b/))
    expect(wrong).toEqual([])
  })

  it('domain.ts decides and touches nothing', () => {
    // With all that a domain draws in from its own service.
    const pure = new Set(ours.filter(({ path }) => path.endsWith('/domain.ts')))
    for (const file of pure)
      for (const target of localImports(file)) for (const drawn of ours) if (drawn.path === target) pure.add(drawn)
    const impure =
      /\b(await|async|Date\.now|Math\.random|random[A-Z]\w*|process|console|fetch|setTimeout|setInterval|performance)\b|new Date\(\s*\)/
    expect([...pure].flatMap((file) => places(file, impure))).toEqual([])
    const foreign = [...pure].flatMap(({ path, imports }) =>
      imports
        // A digest is a calculation; what else node:crypto offers is caught above.
        .filter((specifier) => !/^(@orders\/shared\/contracts|typebox|node:crypto|\.{1,2}\/.*)$/.test(specifier))
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(foreign).toEqual([])
  })

  it('SQL stands in store.ts and migrations, and in shared', () => {
    const sql =
      /['"`]\s*(select\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index|unique)\s|with\s+\w+\s+as\s*\()/i
    const wrong = ours
      .filter(({ path }) => !path.endsWith('/store.ts') && path !== 'payment-service/gateway.ts')
      .flatMap((file) => places(file, sql, file.text))
    expect(wrong).toEqual([])
  })

  it('the kernel imports nothing of the domain it serves, and names nothing of it', () => {
    const isOfDomain = (path: string) => path.startsWith('shared/contracts/') && !path.includes('/definition/')
    const kernel = shared.filter(({ path }) => !isOfDomain(path))
    expect(kernel.flatMap((file) => localImports(file).filter(isOfDomain))).toEqual([])
    const nouns = [
      ...events.keys(),
      ...orders.services,
      ...orders.services.map((name) => name.replace('-service', '.queue')),
    ]
    const named = new RegExp(`['"\`](${nouns.map((noun) => noun.replaceAll('.', '\\.')).join('|')})['"\`]|urn:orders`)
    expect(kernel.flatMap((file) => places(file, named))).toEqual([])
  })

  it('every request that submits work or asks passes its trace on', () => {
    const routes = [...ours, ...shared].filter(({ path }) =>
      /(^|\/)http\.ts$|^shared\/service\/retries\.ts$/.test(path),
    )
    const calls = routes.flatMap(({ path, code }) =>
      [...code.matchAll(/\bcommit\.submit\(|(?<!\w)ask\(broker/g)].map(
        ({ index }) => `${path}: ${callAt(code, index)}`,
      ),
    )
    expect(calls.length).toBeGreaterThan(10)
    expect(calls.filter((call) => !/\btrace(Of\(\w+(\.headers)?\))?,?\s*\)$/.test(call))).toEqual([])
  })

  it('acks, and gives back, only in the kernel', () => {
    const wrong = [...ours, ...production.filter((file) => roomOf(file) === 'scripts')].flatMap((file) =>
      places(file, /\.(ack|nack|reject|refuse)\(/),
    )
    expect(wrong).toEqual([])
    // Only what no dead letter can be made of is rejected, and by the kernel alone.
    expect(shared.filter(({ code }) => /\.nack\(/.test(code)).map(({ path }) => path)).toEqual([
      'shared/messaging/subscriber.ts',
    ])
  })

  it('every finally settles nothing', () => {
    expect(shared.filter(({ code }) => /finally\s*\{[^}]*\back\(/.test(code)).map(({ path }) => path)).toEqual([])
  })

  const smells: [string, RegExp][] = [
    ['enum', /(^|\s)(const\s+)?enum\s+\w+\s*\{/],
    ['any', /(?<![.\w])any\b(?!\s*:)/],
    ['!, for what may be missing', /[\w)\]]!(?![=])/],
    ['namespaces', /(^|\s)(namespace|module)\s+\w+\s*\{/],
    ['decorators', /^\s*@\w+/],
    ['default exports', /\bexport default\b/],
    ['empty catch blocks', /catch\s*(\([^)]*\))?\s*\{\s*\}/],
    ['a type check switched off', /@ts-(ignore|nocheck|expect-error)/],
    ['console', /\bconsole\./],
  ]
  it.each(smells)('knows no %s', (name, pattern) => {
    const everywhere = name === 'default exports' || name === 'console' ? [...ours, ...shared] : files
    const wrong = everywhere.flatMap((file) => places(file, pattern, name.includes('switched') ? file.text : file.code))
    expect(wrong).toEqual([])
  })

  it('promises nothing for later', () => {
    const later = new RegExp(`\\b(${['TODO', 'FIXME', 'XXX', 'HACK'].join('|')})\\b`)
    const wrong = files
      .filter(({ path }) => !path.startsWith('tests/architecture/'))
      .flatMap((file) => places(file, later, file.text))
    expect(wrong).toEqual([])
  })

  it('sleeps nowhere, and skips nothing, in tests', () => {
    const tests = files.filter((file) => isTest(file) && !file.path.startsWith('bench/'))
    const lazy =
      /\b(it|test|describe)\.(skip|only|todo)\b|\b(xit|xdescribe)\(|\btoHaveBeenCalled|\bvi\.(fn|mock|spyOn)\(/
    expect(tests.flatMap((file) => places(file, lazy))).toEqual([])
  })

  it('shared knows no business outside its contracts', () => {
    const business = /\b(orderId|totalCents|reserved|refund|invoice|shipment|stock)\b/i
    const wrong = shared
      .filter(({ path }) => !path.startsWith('shared/contracts/') && !path.startsWith('shared/testing/'))
      .flatMap((file) => places(file, business))
    expect(wrong).toEqual([])
  })
})

describe('the reader of this test', () => {
  it('empties texts, comments and regular expressions, and keeps code', () => {
    const source = [
      "const a = 'any' // any",
      ['/* any! */ const b = `any $', '{value} any`'].join(''),
      'const c = /any!/.test(d) && e / f',
      'const g: any = h!',
    ].join('\n')
    expect(withoutWords(source).split('\n')).toEqual([
      "const a = '' ",
      ' const b = `+(value)+``',
      'const c = //.test(d) && e / f',
      'const g: any = h!',
    ])
  })

  it('finds the files it judges', () => {
    expect(files.length).toBeGreaterThan(60)
    expect(files.find(({ path }) => path === 'shared/handling/consumer.ts')?.imports).toContain(
      '../messaging/broker.ts',
    )
    expect(files.find(({ path }) => path === 'shared/runtime/log.ts')?.imports).toContain('pino-pretty')
  })
})

/** The call that begins at `start`, up to its closing parenthesis. */
function callAt(code: string, start: number): string {
  let depth = 0
  for (let end = start; end < code.length; end++) {
    if (code[end] === '(') depth++
    else if (code[end] === ')' && --depth === 0) return code.slice(start, end + 1)
  }
  return code.slice(start)
}
