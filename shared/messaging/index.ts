// The entry to messaging: exports the broker port, its RabbitMQ adapter, and the folders around it: topology, retries, group
// commit with its outbox, and message handling.

export {
  endEpoch,
  isBehind,
  learnMarks,
  type Mark,
  marksOf,
  openEpoch,
  RECORDED,
  recordedIn,
} from '../commit/epochs.ts'
export { createGroupCommit, type GroupCommit } from '../commit/group-commit.ts'
export { createOutbox, type Outbox } from '../commit/outbox.ts'
export { countRows, insertRows } from '../commit/outbox-rows.ts'
export { createReading } from '../commit/reading.ts'
export { about, type Decision, type Done, type Work } from '../commit/work.ts'
export * from '../contracts/definition/contract.ts'
export { heardBy, knownTo } from '../contracts/definition/hearing.ts'
export { KeysForgetRequested, KeysForgotten } from '../contracts/definition/keys.ts'
export {
  operationsOf,
  Rehearsal,
  Retries,
  Retry,
  RetryFilter,
  RetryId,
  ServiceState,
} from '../contracts/definition/operations.ts'
export type { Registry } from '../contracts/definition/registry.ts'
export { type Consumer, consume } from '../handling/consumer.ts'
export { startErasing } from '../handling/erasing.ts'
export { type AskContext, type Context, type Failure, type Handler, on, onMany } from '../handling/handler.ts'
export { EarlyError, inOrder, once, type Place } from '../handling/in-order.ts'
export { type Keeping, keepAll } from '../handling/keep.ts'
export type { ConsumerOptions, Kernel, Outcome } from '../handling/kernel.ts'
export { type Forgettable, keyOpener, keysConsumer } from '../handling/keys.ts'
export { createOutage, type Outage } from '../handling/outage.ts'
export { type Timers, watchOverdue } from '../handling/overdue.ts'
export { type Answerer, answers, type Replier, replies } from '../handling/questions.ts'
export { createRehearsal, type Rehearse } from '../handling/rehearse.ts'
export { serve } from '../handling/serve.ts'
export type { Taking } from '../handling/taking.ts'
export { keyIdsIn } from '../personal/cipher.ts'
export { CROSSING, type Crossing } from '../personal/crossing.ts'
export { type Master, openMaster } from '../personal/master.ts'
export { FORGOTTEN, MissingKeyError } from '../personal/messages.ts'
export { openPersonal, type Personal } from '../personal/open.ts'
export { keepKeys, keysById, personalKeys } from '../personal/store.ts'
export { lookForDropped } from '../personal/vault.ts'
export { type DueRetries, handleDue } from '../retries/due.ts'
export { givenUp, hastened, isUnderWay, type Kept, keptOf } from '../retries/kept.ts'
export * from '../retries/recoverability.ts'
export { countRetries, listRetries, type RetryPage, retries } from '../retries/retries.ts'
export { type Change, type Draft, type Known, lockKeyOf, owned, type Ref, type State, seen } from '../storage/state.ts'
export { brokerUrls } from '../topology/broker-urls.ts'
export { COMPLETE, declareTopology } from '../topology/declare.ts'
export { type Management, managementOf, queuesAt, whyUnasked } from '../topology/management.ts'
export { answeredFor, type Policies, watchPolicies } from '../topology/policies.ts'
export * from '../topology/queues.ts'
export { fromAmqp, toAmqp } from './amqp.ts'
export type { Broker, BrokerStatus, Delivery, Headers, Properties, Publication, Subscription } from './broker.ts'
export { type Cause, decode, decodeEnvelope, encode } from './envelope.ts'
export { type Arrived, publishable, RESEND, SENT_AGAIN_OF } from './publishable.ts'
export { openRabbit } from './rabbit.ts'
export { ask } from './rpc.ts'
export { type AmqpTls, readAmqpTls } from './tls.ts'
export { nextTrace, type TraceHeaders, traceIdOf } from './trace.ts'
export { publishUntilTaken } from './until-taken.ts'
