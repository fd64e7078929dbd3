// What the encryption of personal data costs: two systems at the same moment on one broker and one machine, one of which encrypts
// nothing. One after the other would tell less, since the machine changes by more than that from one minute to the next.
import { type Measured, underFullLoad } from './measured.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { total } from './spent.ts'
import { type Stage, under, withSystem } from './stage.ts'

const PLAIN = 'with ENCRYPT_PERSONAL=false'

export async function measureEncryption(stage: Stage): Promise<Figure[]> {
  const rounds: { ours: Measured; plain: Measured }[] = []
  await withSink(async ({ url }) => {
    const run = (environment: Record<string, string>) =>
      withSystem(stage, { environment: { SMTP_URL: url, ...environment } }, (site) => underFullLoad(stage, site))
    while (rounds.length < stage.settings.rounds) {
      const [ours, plain] = await Promise.all([run({}), run({ ENCRYPT_PERSONAL: 'false' })])
      rounds.push({ ours, plain })
      const ratio = ours.settledPerSecond / plain.settledPerSecond
      stage.say(
        `round ${rounds.length}, orders/s settled: ${number(ours.settledPerSecond)}, ${number(plain.settledPerSecond)} ${PLAIN}: ${ratio.toFixed(3)}`,
      )
    }
  })
  const compared = (name: string, unit: string, of: (one: Measured) => number) =>
    sideBySide(
      `${name} of two systems at once, ${under(stage.settings)}`,
      unit,
      PLAIN,
      rounds.map(({ ours, plain }) => ({ ours: of(ours), beside: of(plain) })),
    )
  return [
    compared('settled', 'orders/s', ({ settledPerSecond }) => settledPerSecond),
    compared('CPU an order', 'ms', ({ spent }) => total(spent).cpuMs),
  ]
}
