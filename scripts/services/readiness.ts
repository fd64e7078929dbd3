// Waits until every service says that it is ready, and tells what is missing while it is not.
//
// By node:http, since loading fetch takes as long as a service takes to be ready, and of the same two processors.
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { until } from '../processes/ports.ts'
import type { ServicePlan } from './plan.ts'

const askEveryMs = 50
const reportEveryMs = 10_000

/** Resolves when every /health/ready has answered 200; gives up only when aborted, since a broker may come at any time. */
export async function untilReady(
  plan: readonly ServicePlan[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let waiting = [...plan]
  let reportAt = Date.now() + reportEveryMs
  const ask = async () => {
    const reasons = await Promise.all(waiting.map(whyNotReady))
    const told = waiting.flatMap(({ label }, index) => (reasons[index] ? [`${label} (${reasons[index]})`] : []))
    waiting = waiting.filter((_, index) => reasons[index])
    if (waiting.length > 0 && Date.now() > reportAt) {
      say(`Still waiting for ${told.join(', ')} …`)
      reportAt = Date.now() + reportEveryMs
    }
    return waiting.length === 0
  }
  await until(ask, askEveryMs, signal)
}

function whyNotReady({ url }: ServicePlan): Promise<string | undefined> {
  return new Promise((settle) => {
    const request = get(`${url}/health/ready`, { agent: false, signal: AbortSignal.timeout(2000) }, async (answer) => {
      const body = await text(answer).catch(() => '')
      settle(answer.statusCode === 200 ? undefined : `${answer.statusCode} ${body.slice(0, 200)}`)
    })
    request.once('error', () => settle('does not answer yet'))
  })
}
