// Lays out the folder of a RabbitMQ node: everything it reads or writes lies there, nothing of the system's is used.
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RabbitInstallation } from './install.ts'

/** Says in a node's folder which name its data belongs to. */
export const nodeNameFile = 'node-name'

export interface ClusterMembership {
  /** The node to join while it has no data of its own; the first one joins nobody. */
  join?: string
}

export interface RabbitNodeSettings {
  installation: RabbitInstallation
  dir: string
  /** Erlang's name for the node, `name@host`; its data folder is called the same. */
  name: string
  /** Where other Erlang programs, such as rabbitmqctl, find the node; AMQP and management stay on 127.0.0.1. */
  address: string
  amqpPort: number
  managementPort: number
  distributionPort: number
  epmdPort: number
  cookie: string
  cluster: ClusterMembership | undefined
  configuration: string[]
}

export interface RabbitNodeFiles {
  environment: NodeJS.ProcessEnv
  /** A script that runs rabbitmqctl against this node. */
  rabbitmqctlPath: string
  brokerLogPath: string
  consoleLogPath: string
}

/** Writes configuration, cookie and the rabbitmqctl script; data of an earlier run is kept. */
export async function prepareNodeFiles(settings: RabbitNodeSettings): Promise<RabbitNodeFiles> {
  const { dir, installation } = settings
  await mkdir(join(dir, 'log'), { recursive: true })
  await mkdir(join(dir, 'home'), { recursive: true })
  await writeFile(join(dir, nodeNameFile), `${settings.name}\n`)
  await writeFile(join(dir, 'rabbitmq.conf'), brokerConfiguration(settings))
  await writeFile(join(dir, 'advanced.config'), advancedConfiguration)
  await writeFile(join(dir, 'enabled_plugins'), '[rabbitmq_management].\n')
  await writeFile(join(dir, 'rabbitmq-env.conf'), '')
  await writeFile(join(dir, 'inetrc'), hostTable(settings))
  await writeFile(join(dir, preloadFile), preloadScript)
  await writeCookie(join(dir, 'home', '.erlang.cookie'), settings.cookie)
  const own = nodeEnvironment(settings)
  const rabbitmqctlPath = join(dir, 'rabbitmqctl')
  await writeFile(rabbitmqctlPath, rabbitmqctlScript(own, join(installation.bin, 'rabbitmqctl')))
  await chmod(rabbitmqctlPath, 0o755)
  return {
    environment: { ...withoutBrokerVariables(process.env), ...own },
    rabbitmqctlPath,
    brokerLogPath: join(dir, 'log', 'rabbitmq.log'),
    consoleLogPath: join(dir, 'log', 'console.log'),
  }
}

function brokerConfiguration(settings: RabbitNodeSettings): string {
  const lines = [
    `listeners.tcp.default = 127.0.0.1:${settings.amqpPort}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${settings.managementPort}`,
    // The default is a share of the memory, which blocks every publisher on a small disk.
    'disk_free_limit.absolute = 50MB',
    'log.console = false',
    'log.file.level = info',
    ...clusterConfiguration(settings),
    ...settings.configuration,
  ]
  return `${lines.join('\n')}\n`
}

/**
 * How long a message that is dead-lettered, a timer for example, waits for the confirm of its target until it is
 * sent again: it may have been on its way to a leader that is gone, or to a broker that was killed. The default is three minutes.
 */
const advancedConfiguration = '[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 10000}]}].\n'

/**
 * Erlang loads a module when it is first called, and copies its tables of all functions for each. Loading the broker's
 * thousand modules in one go before it boots halves the time and the work of its start. What fails here is loaded later.
 * The broker now and then runs another Erlang program, which inherits this and has another boot file.
 */
const preloadScript = `
{ok, [["start_sasl"]]} = init:get_argument(boot),
ApplicationsBelow = fun Below(Name, Known) ->
  case maps:is_key(Name, Known) orelse file:consult([code:lib_dir(Name), "/ebin/", Name, ".app"]) of
    {ok, [{application, _, Properties}]} ->
      Modules = proplists:get_value(modules, Properties, []),
      lists:foldl(Below, Known#{Name => Modules}, proplists:get_value(applications, Properties, []));
    _ -> Known
  end
end,
Applications = lists:foldl(ApplicationsBelow, #{}, [rabbit, rabbitmq_prelaunch, rabbitmq_management]),
code:ensure_modules_loaded(lists:append(maps:values(Applications))).
`
const preloadFile = 'preload'

function clusterConfiguration({ name, cluster }: RabbitNodeSettings): string[] {
  if (!cluster) return []
  const known = cluster.join === undefined ? [] : [cluster.join, name]
  return [
    // Read by a node without data; one that has been a member knows its cluster.
    ...(known.length > 0 ? ['cluster_formation.peer_discovery_backend = classic_config'] : []),
    ...known.map((node, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${node}`),
    // Nodes that do not see most of the others stop serving, so that no two halves decide differently.
    'cluster_partition_handling = pause_minority',
    // Otherwise whoever declares the topology makes the node it is connected to the leader of every queue.
    'queue_leader_locator = balanced',
  ]
}

/** Erlang takes the node's host from its name and must find it, even after the machine has been renamed. */
function hostTable({ name, address }: RabbitNodeSettings): string {
  const host = name.slice(name.indexOf('@') + 1)
  return `{host, {${address.replaceAll('.', ',')}}, ["${host}"]}.\n{lookup, [file, native]}.\n`
}

async function writeCookie(path: string, cookie: string): Promise<void> {
  // Erlang refuses a cookie that others may read, and a read-only file cannot be written again.
  if (existsSync(path)) await chmod(path, 0o600)
  await writeFile(path, cookie, { mode: 0o600 })
  await chmod(path, 0o400)
}

function nodeEnvironment(settings: RabbitNodeSettings): Record<string, string> {
  const { dir, address } = settings
  const interfaceTuple = `{${address.replaceAll('.', ',')}}`
  return {
    HOME: join(dir, 'home'),
    // Without it rabbitmqctl warns that names are latin1 where no locale is set.
    LC_ALL: 'C.UTF-8',
    ERL_EPMD_PORT: String(settings.epmdPort),
    // Every Erlang program, rabbitmqctl too, would otherwise leave a name server running that outlives it.
    ERL_FLAGS: '-start_epmd false',
    // Comes before what the start script says, and is done before the broker boots.
    ERL_AFLAGS: `-eval file:script(${preloadFile})`,
    ERL_INETRC: join(dir, 'inetrc'),
    ERL_CRASH_DUMP: join(dir, 'log', 'erl_crash.dump'),
    RABBITMQ_NODENAME: settings.name,
    RABBITMQ_DIST_PORT: String(settings.distributionPort),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq'),
    RABBITMQ_CONFIG_FILES: join(dir, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_LOGS: join(dir, 'log', 'rabbitmq.log'),
    RABBITMQ_PID_FILE: join(dir, 'rabbitmq.pid'),
    // The start script then becomes the broker instead of waiting for it, so that its process id is the broker's.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_START_ARGS: '-noinput +B i',
    // Idle schedulers that spin would take processor time from everything else on a small machine.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface ${interfaceTuple}`,
  }
}

/** Settings of another broker in the user's shell must not leak into this one. */
function withoutBrokerVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = ([key]: [string, unknown]) => !/^(RABBITMQ|ERL)_/.test(key) && key !== 'NOTIFY_SOCKET'
  return Object.fromEntries(Object.entries(environment).filter(foreign))
}

function rabbitmqctlScript(own: Record<string, string>, program: string): string {
  const names = [
    'HOME',
    'LC_ALL',
    'ERL_EPMD_PORT',
    'ERL_FLAGS',
    'ERL_INETRC',
    'RABBITMQ_NODENAME',
    'RABBITMQ_CONF_ENV_FILE',
  ]
  const assignments = names.map((name) => `${name}='${own[name]}'`).join(' ')
  return `#!/bin/sh\n# Runs rabbitmqctl against this project's own RabbitMQ node.\nexec env ${assignments} ${program} "$@"\n`
}
