// Waits until every service says that it is ready, and tells what is missing while it is not.
import { until } from '../processes/ports.ts'
import type { ServicePlan } from './plan.ts'

const reportEveryMs = 10_000

/** Resolves when every /health/ready answers 200; gives up only when aborted, since a broker may come at any time. */
export async function untilReady(
  plan: readonly ServicePlan[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let reportAt = Date.now() + reportEveryMs
  const ask = async () => {
    const reasons = await Promise.all(plan.map(whyNotReady))
    const waiting = plan.flatMap(({ label }, index) => (reasons[index] ? [`${label} (${reasons[index]})`] : []))
    if (waiting.length > 0 && Date.now() > reportAt) {
      say(`Still waiting for ${waiting.join(', ')} …`)
      reportAt = Date.now() + reportEveryMs
    }
    return waiting.length === 0
  }
  await until(ask, 150, signal)
}

async function whyNotReady(service: ServicePlan): Promise<string | undefined> {
  try {
    const answer = await fetch(`${service.url}/health/ready`, { signal: AbortSignal.timeout(2000) })
    const body = await answer.text()
    return answer.ok ? undefined : `${answer.status} ${body.slice(0, 200)}`
  } catch {
    return 'does not answer yet'
  }
}
