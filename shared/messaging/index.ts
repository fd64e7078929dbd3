// The door to messaging: the broker port and RabbitMQ behind it, consumers, RPC, the outbox and group commit.
export type { Broker, BrokerStatus, Delivery, Headers, Properties, Publication, Subscription } from './broker.ts'
export { brokerUrls } from './connection.ts'
export { type Consumer, consume } from './consumer.ts'
export * from './contract.ts'
export { type DeadLetter, type DeadLetters, openDeadLetters } from './dead-letters.ts'
export { COMPLETE, declareTopology } from './declare.ts'
export { type DueRetries, handleDue } from './due.ts'
export { type Cause, decode, decodeEnvelope, encode, knownTo } from './envelope.ts'
export { createGroupCommit, type GroupCommit } from './group-commit.ts'
export { type AskContext, type Context, type Failure, type Handler, on, onMany } from './handler.ts'
export { heardBy } from './heard.ts'
export { givenUp, hastened, type Kept } from './kept.ts'
export type { ConsumerOptions, Kernel, Outcome } from './kernel.ts'
export { createOutage, type Outage } from './outage.ts'
export { createOutbox, type Outbox } from './outbox.ts'
export { countRows } from './outbox-rows.ts'
export { type Timers, watchOverdue } from './overdue.ts'
export { answeredFor, managementOf, type Policies, watchPolicies } from './policies.ts'
export { type Arrived, publishable } from './publishable.ts'
export * from './queues.ts'
export { openRabbit } from './rabbit.ts'
export { createReading } from './reading.ts'
export * from './recoverability.ts'
export { countRetries, listRetries, type RetryPage, retries } from './retries.ts'
export { type Answerer, answers, ask, serve } from './rpc.ts'
export {
  about,
  type Change,
  type Decision,
  type Done,
  type Draft,
  type Known,
  lockKeyOf,
  owned,
  type Ref,
  type State,
  seen,
  type Work,
} from './state.ts'
export type { Taking } from './taking.ts'
export { type AmqpTls, readAmqpTls } from './tls.ts'
export { publishUntilTaken } from './until-taken.ts'
