// npm start: makes sure a broker is there, runs the services, or several copies of each, until Ctrl-C, and leaves
// nothing behind.
import { ensureBroker } from './broker/ensure.ts'
import { aborted, interruption } from './processes/interruption.ts'
import { portIsFree } from './processes/ports.ts'
import { advice } from './services/advice.ts'
import { planServices, type ServicePlan, wanted } from './services/plan.ts'
import { untilReady } from './services/readiness.ts'
import { type Fleet, startServices } from './services/run.ts'

// All of the end together stays below ten seconds, which is what process supervisors grant by default.
const servicesLimitMs = 8000
const wholeLimitMs = 9500

const say = (line: string) => console.log(line)
const interrupted = interruption()

process.exitCode = await run().catch((error: unknown) => {
  if (interrupted.aborted) return 0
  console.error(error instanceof Error ? error.message : error)
  return 1
})
process.exit()

async function run(): Promise<number> {
  const choice = wanted(process.argv.slice(2))
  await refuseBusyPorts(planServices(process.env, '', choice))
  const broker = await ensureBroker({ say, signal: interrupted })
  let fleet: Fleet | undefined
  try {
    say(broker.how)
    const plan = planServices(process.env, broker.amqpUrl, choice)
    fleet = await startServices(plan, say, process.stdout.isTTY ?? false)
    const ready = untilReady(plan, say, interrupted).then(() => say(advice(plan, broker, process.env)))
    ready.catch(() => undefined)
    return await untilTheEnd(fleet)
  } finally {
    if (interrupted.aborted) say('Stopping …')
    const deadline = Date.now() + wholeLimitMs
    await fleet?.stop(servicesLimitMs)
    await broker.stop(Math.max(deadline - Date.now(), 1000))
  }
}

/** The exit code: 0 when asked to stop, 1 when a service ended by itself. */
async function untilTheEnd(fleet: Fleet): Promise<number> {
  const ended = await Promise.race([fleet.firstExit, aborted(interrupted)])
  if (!ended || interrupted.aborted) return 0
  const how = ended.exit.signal ? `was ended by ${ended.exit.signal}` : `ended with code ${ended.exit.code}`
  console.error(`${ended.label}-service ${how}; its last log lines above say why. Stopping the other services.`)
  return 1
}

/** Before anything is started: a service that finds its port taken would only say so in the middle of the others. */
async function refuseBusyPorts(plan: readonly ServicePlan[]): Promise<void> {
  const host = process.env.HOST
  const free = await Promise.all(plan.map(({ port }) => portIsFree(port, host)))
  const busy = plan.filter((_, index) => !free[index])
  if (busy.length === 0) return
  const list = busy.map(({ port, label }) => `${port} (${label})`).join(', ')
  const other = ((plan[0]?.port ?? 8080) + 1000) % 60_000
  throw new Error(
    `Already in use: port ${list}. Stop the program that listens there, or use other ports: PORT_BASE=${other} npm start`,
  )
}
