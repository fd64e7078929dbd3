// The supervisor over a real connection: what only the clock decides.
import { expect, it, onTestFinished, vi } from 'vitest'
import { eventually, keepingLog } from '../../testing/index.ts'
import { type Session, supervise } from '../connection.ts'

export function supervisorSuite(url: () => string): void {
  it('a session is renewed once it is five seconds old, and no younger one', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { log, lines } = await keepingLog()
    const sessions: Session[] = []
    const open = async (session: Session) => void sessions.push(session)
    const nothing = () => undefined
    const supervisor = supervise({
      ...{ urls: [url()], name: 'renewing', heartbeatSeconds: 1, log },
      ...{ open, lost: nothing, broken: nothing },
    })
    onTestFinished(() => supervisor.close())
    await supervisor.ready()

    vi.advanceTimersByTime(4_999)
    sessions[0]?.renew(new Error('too early'))
    vi.advanceTimersByTime(1)
    sessions[0]?.renew(new Error('in time'))

    await eventually('there is another', () => sessions.length === 2)
    const ends = lines.filter(({ msg }) => msg === 'connection lost, reconnecting')
    expect(ends.map(({ why }) => why)).toEqual(['in time'])
  })
}
