// Stand-ins for amqplib's channels, for what a real broker cannot be made to do at a chosen moment.
import { EventEmitter } from 'node:events'
import { type ChannelModel, type ConfirmChannel, IllegalOperationError, type Options } from 'amqplib'
import type { Session } from '../connection.ts'

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A session that keeps why it was failed, or was to be renewed. */
export function fakeSession(model: Partial<ChannelModel> = {}): Session & { reasons: string[]; renewals: string[] } {
  const reasons: string[] = []
  const renewals: string[] = []
  return {
    // The cast says that the code under test uses no more of a connection than this.
    model: model as ChannelModel,
    fail: (reason) => void reasons.push(reason.message),
    renew: (reason) => void renewals.push(reason.message),
    reasons,
    renewals,
  }
}

interface Sent {
  routingKey: string
  body: string
  options: Options.Publish
  confirm(error: Error | null): void
}

/** A confirm channel whose broker answers when the test says so. */
export class FakeConfirmChannel extends EventEmitter {
  readonly sent: Sent[] = []
  /** What `publish` returns: false says that the socket is full. */
  hasRoom = true
  isClosed = false

  publish(
    _exchange: string,
    routingKey: string,
    body: Buffer,
    options: Options.Publish,
    confirm: Sent['confirm'],
  ): boolean {
    if (this.isClosed) throw new IllegalOperationError('Channel closed')
    this.sent.push({ routingKey, body: body.toString(), options, confirm })
    return this.hasRoom
  }

  bodies(): string[] {
    return this.sent.map(({ body }) => body)
  }

  confirmAll(): void {
    for (const { confirm } of this.sent.splice(0)) confirm(null)
  }

  /** As amqplib does: closed first, then every open confirm is called back, then the listeners are told. */
  close(): void {
    this.isClosed = true
    for (const { confirm } of this.sent) confirm(new Error('channel closed'))
    this.emit('close')
  }

  asChannel(): ConfirmChannel {
    // The cast says that the publisher uses no more of a channel than this.
    return this as unknown as ConfirmChannel
  }
}
