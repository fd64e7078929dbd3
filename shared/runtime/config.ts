// Reads a service's configuration once from the environment, by one TypeBox schema for each service. All faults are reported
// together.
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { Errors } from 'typebox/value'
import { BrokenError } from './errors.ts'

const Port = Type.Integer({ minimum: 1, maximum: 65_535 })

const DAYS = { 1: '[1-9][0-9]{0,4}', 8: '[89]|[1-9][0-9]{1,4}', 60: '[6-9][0-9]|[1-9][0-9]{2,4}' }

/** A retention setting in days: at least `least`, or `forever`. */
export const Days = (least: keyof typeof DAYS) => ({ pattern: `^(forever|${DAYS[least]})$` })

/** The settings of every service. */
export const CommonConfig = Type.Object({
  portBase: Type.Integer({
    minimum: 1,
    maximum: 65_500,
    default: 8080,
    description: 'Each service listens on this port plus its place in the list of services, counted from 0.',
  }),
  port: Type.Optional({ ...Port, description: 'Port of one service. Overrides PORT_BASE.' }),
  host: Type.String({
    default: '127.0.0.1',
    description: 'Address to listen on. If it is not a loopback address, OPERATOR_TOKENS is required.',
  }),
  amqpUrl: Type.String({
    default: 'amqp://guest:guest@localhost:5672',
    pattern: '^amqps?://',
    description: 'URL of RabbitMQ; for a cluster, several hosts separated by commas.',
  }),
  brokerCluster: Type.Optional(
    Type.Boolean({
      description:
        'true: RabbitMQ is a cluster, and every queue is replicated. Set the same value for all services. Default: true if AMQP_URL has several hosts.',
    }),
  ),
  amqpCaFile: Type.Optional(
    Type.String({
      description:
        'PEM file of the authorities that may have signed the broker’s certificate. Default: Node’s own list.',
    }),
  ),
  amqpCertFile: Type.Optional(
    Type.String({ description: 'PEM file of the client certificate, if the broker requires one.' }),
  ),
  amqpKeyFile: Type.Optional(Type.String({ description: 'PEM file of the client certificate’s key.' })),
  amqpKeyPassphrase: Type.Optional(
    Type.String({ description: 'Passphrase of the key in AMQP_KEY_FILE, if it has one.' }),
  ),
  managementUrl: Type.Optional(
    Type.String({
      pattern: '^(off|https?://[^\\s]+)$',
      description:
        'URL of RabbitMQ’s management API, which the services ask for policies that change their queues. off: they do not ask. Default: the first host and the login of AMQP_URL, http on 15672, or https on 15671 for amqps.',
    }),
  ),
  dataDir: Type.String({
    default: '.data',
    description: 'Folder of the SQLite files and of all other files of a service.',
  }),
  databaseUrl: Type.Optional(
    Type.String({
      description: 'PostgreSQL instead of a SQLite file: postgres://… Each service replaces {service} by its name.',
    }),
  ),
  encryptPersonal: Type.Boolean({
    default: true,
    description:
      'true: services encrypt personal data in messages and tables, with one key for each customer. Set false while copies of a version that cannot encrypt still run.',
  }),
  masterKey: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/]{43}=$',
      description:
        'Master key, which wraps the customers’ keys; the same for all services. 32 bytes in base64: openssl rand -base64 32. Default: the content of MASTER_KEY_FILE.',
    }),
  ),
  masterKeyFile: Type.Optional(
    Type.String({
      description:
        'File that holds the master key. Default: master.key in DATA_DIR, which the service makes if it is missing.',
    }),
  ),
  masterKeyPrevious: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/]{43}=(,[A-Za-z0-9+/]{43}=)*$',
      description:
        'Further master keys, earlier ones or the next one, separated by commas. They unwrap customers’ keys, and wrap none.',
    }),
  ),
  logLevel: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'trace, debug, info, warn, error, fatal or silent.' },
  ),
  logPretty: Type.Optional(
    Type.Boolean({ description: 'true: readable log lines. false: JSON. Default: true in a terminal.' }),
  ),
  operatorTokens: Type.Optional(
    Type.String({
      pattern: '^[^\\s,]{16,}(,[^\\s,]{16,})*$',
      description:
        'Bearer tokens for operator routes, each of 16 characters or more, separated by commas. Actions by a token written as name:token are recorded under that name.',
    }),
  ),
  customerTokens: Type.Optional(
    Type.String({
      pattern: '^([^\\s,:][^,:]{0,199}:)?[^\\s,:]{16,}(,([^\\s,:][^,:]{0,199}:)?[^\\s,:]{16,})*$',
      description:
        'Bearer tokens for customer routes, each of 16 characters or more without a colon, separated by commas. A token written as name:token gives access to the orders of the customer of that name only. Unset: customer routes need no token.',
    }),
  ),
  httpRequestsMax: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 500,
    description: 'HTTP requests in progress at one time. Beyond this the answer is 503 with Retry-After.',
  }),
  httpConnectionsMax: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 4_096,
    description: 'Open HTTP connections. The service closes further ones at once.',
  }),
  rateLimitPerMinute: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      description:
        'HTTP requests that one client, known by its token or address, may send in a minute. Unset: no limit.',
    }),
  ),
  redisUrl: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      description:
        'URL of a Redis in which all copies of a service count requests together. Unset: each process counts its own.',
    }),
  ),
  trustProxy: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.:/, ]+$',
      description:
        'Proxies whose X-Forwarded-For the service trusts, separated by commas: addresses, ranges, or loopback.',
    }),
  ),
  keepDays: Type.String({
    ...Days(60),
    default: '400',
    description:
      'For how many days orders that have ended are kept after their last change, and notifications after they were accepted: 60 or more, or forever. Set the same value for all services. They refuse messages that are older than this less a day.',
  }),
  keepNotesDays: Type.String({
    ...Days(8),
    default: '30',
    description:
      'For how many days a service keeps what it notes for its own use, such as counts for the throttle: 8 or more, or forever.',
  }),
  retryLookMs: Type.Integer({
    minimum: 10,
    maximum: 3_600_000,
    default: 500,
    description: 'How often a service looks for retries that are due, in milliseconds.',
  }),
  shutdownMs: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 8_000,
    description: 'Time limit for an orderly stop, in milliseconds.',
  }),
})
export type CommonConfig = Static<typeof CommonConfig>

/** The settings of services with timers in the broker. */
export const timerSettings = {
  timerGraceMs: Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: 10_000,
    description: 'How late a timer may come back from the broker, in milliseconds. Then the service acts without it.',
  }),
  timerLookMs: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often the service looks for timers that are late, in milliseconds.',
  }),
}

/** Adds a service's own settings to the common ones. */
export function configWith<P extends TProperties>(own: P): TObject<typeof CommonConfig.properties & P> {
  return Type.Object({ ...CommonConfig.properties, ...own })
}

/** `paymentConfirmAboveCents` is read from `PAYMENT_CONFIRM_ABOVE_CENTS`. */
export function variableOf(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

/**
 * Reads the schema's settings from `environment`. An empty variable counts as unset.
 *
 * @throws BrokenError `bad_configuration`, naming every faulty variable
 */
export function readConfig<P extends TProperties>(
  schema: TObject<P>,
  environment: Record<string, string | undefined>,
): Readonly<Static<TObject<P>>> {
  const settings: Record<string, unknown> = {}
  for (const [name, property] of Object.entries<TSchema>(schema.properties)) {
    const text = environment[variableOf(name)]
    const value = text === undefined || text === '' ? defaultOf(property) : convert(text, property)
    if (value !== undefined) settings[name] = value
  }
  const faults = Object.entries<TSchema>(schema.properties).flatMap(([name, property]) =>
    faultsOf(variableOf(name), property, settings[name], environment),
  )
  if (faults.length > 0)
    throw new BrokenError('bad_configuration', `configuration: ${faults.join('; ')}. See .env.example.`)
  return Object.freeze(settings as Static<TObject<P>>)
}

/** Validates each setting alone, since the validator of a whole object stops after a few faults. */
function faultsOf(
  variable: string,
  property: TSchema,
  value: unknown,
  environment: Record<string, string | undefined>,
): string[] {
  if (value === undefined) return Type.IsOptional(property) ? [] : [`${variable} is required`]
  const [fault] = Errors(property, value)
  if (!fault) return []
  // A faulty address or token may still hold its secret, so its value is not shown.
  const shown = /URL|TOKEN|SECRET|PASS|MASTER/.test(variable) ? '' : `=${environment[variable] ?? ''}`
  const wanted = fault.keyword === 'const' || fault.keyword === 'anyOf' ? descriptionOf(property) : fault.message
  return [`${variable}${shown} ${wanted}`]
}

/** For a choice, the schema's description says more than "must be equal to constant". */
function descriptionOf(property: TSchema): string {
  return 'description' in property ? `must be ${property.description}` : 'is not one of the choices'
}

function defaultOf(property: TSchema): unknown {
  return 'default' in property ? property.default : undefined
}

function convert(text: string, property: TSchema): unknown {
  const type = 'type' in property ? property.type : undefined
  if (type === 'boolean') return { true: true, '1': true, false: false, '0': false }[text] ?? text
  if (type !== 'integer' && type !== 'number') return text
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
}
