// The same load without a mail server, as `npm start` has it: mails become files. Beside amqplib alone, which sends none.
import { underFullLoad } from './measured.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { BROKER, bareRound } from './settled.ts'
import { type Stage, under, withSystem } from './stage.ts'

interface Rates {
  settled: number
  completed: number
}

export async function measureFiles(stage: Stage): Promise<Figure[]> {
  const rounds: { ours: Rates; beside: Rates }[] = []
  while (rounds.length < stage.settings.rounds) {
    const bare = await bareRound(stage)
    const system = await withSystem(stage, {}, (site) => underFullLoad(stage, site))
    const ours = { settled: system.settledPerSecond, completed: system.completedPerSecond }
    rounds.push({ ours, beside: { settled: bare.settledPerSecond, completed: bare.completedPerSecond } })
    stage.say(`round ${rounds.length}, orders/s: ${number(ours.settled)} settled, ${number(ours.completed)} completed`)
  }
  const compared = (which: keyof Rates) =>
    sideBySide(
      `${which} with mails as files, ${under(stage.settings)}`,
      'orders/s',
      BROKER,
      rounds.map(({ ours, beside }) => ({ ours: ours[which], beside: beside[which] })),
    )
  return [compared('settled'), compared('completed')]
}
