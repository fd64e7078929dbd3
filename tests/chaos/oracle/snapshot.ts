// Everything the oracle judges, as plain values: what the load was answered, what each service keeps, what the providers
// recorded, what the audit log holds, and what lies in the queues. Rows have the names that the tables have.

/** One request of the load and its last answer; status 0 when there was none. */
export interface Asked {
  action: 'place' | 'repeat' | 'repeat-changed' | 'cancel' | 'confirm' | 'restock' | 'reprice' | 'look'
  /** Of a restock or another price, the SKU; of a look at a service whose database is silent, its name. */
  orderId: string
  status: number
  code?: string | undefined
  lines?: { sku: string; quantity: number }[]
  answeredId?: string | undefined
  /** The payment method of an order. */
  method?: string | undefined
  /** What its customer agreed to pay. */
  expectedTotalCents?: number | undefined
  hadKey?: boolean
  available?: number
}

export interface FactRow {
  order_id: string
  type: string
}

export interface OrderRow {
  order_id: string
  status: string
  reason: string | null
  total_cents: number | null
}

export interface StockRow {
  sku: string
  unit_price_cents: number
  available: number
  reserved: number
  committed: number
  restocks: number
}

export interface ReservationRow {
  order_id: string
  outcome: 'reserved' | 'out_of_stock' | 'price_changed' | null
  /** JSON, as the table has it. */
  facts: string
}

export interface PaymentRow {
  order_id: string
  status: string
  charge_id: string | null
  refund_id: string | null
  confirm_before: string | null
}

/** A line of the payment provider's own books. */
export interface ChargeRow {
  key: string
  amount_cents: number | null
  status: string
  charge_id: string | null
  refund_id: string | null
}

export interface ShipmentRow {
  order_id: string
  status: string
}

export interface NotificationRow {
  id: string
  subject: string
  order_id: string | null
  event_type: string
  channels: number
  /** RFC 3339. */
  created_at: string
  /** After it nobody is to be told any more. */
  expires_at: string | null
}

export interface DeliveryRow {
  notification_id: string
  channel: string
  status: string
  /** When it came to its status. */
  updated_at: string
  /** The later news that made it needless. */
  superseded_by?: string | null
}

/** A call to a provider that failed: of the one that went well the delivery itself tells. */
export interface AttemptRow {
  notification_id: string
  channel: string
}

/** A message that a provider took. */
export interface Accepted {
  /** `<notification>.<channel>`. */
  id: string
  /** By the clock of the run; null where only the service's own clock, which the run sets, tells. */
  atMs: number | null
  /** Whether the provider said so; a mail whose connection was cut before is taken and not known to be. */
  told: boolean
}

export interface EventRow {
  sequence: number
  id: string
  type: string
  subject: string
  /** Kept for those types only whose content is judged. */
  data?: { addedQuantity?: number; channels?: string[] }
  /** Where it comes from, as the envelope says. */
  source?: string
  /** By the clock of the service that said it; kept for those types only whose time is judged. */
  time?: string
}

/** What the oracle itself found when it computed the tree of the audit log anew. */
export interface Tree {
  entries: number
  brokenAt: number | null
}

export interface DeadLetter {
  queue: string
  id: string
  reason: string
  /** SHA-256 of its body. */
  digest: string
}

/** A dead letter that was rehearsed, and sent again unless that would ask outside. */
export interface Rehearsed {
  queue: string
  id: string
  told: 'decided' | 'open' | 'fails' | 'not_answering' | 'refused'
  /** Why it was to fail, or why it could not be rehearsed. */
  code: string | null
  /** Why it failed again; null when it did not. */
  came: string | null
}

export interface Rehearsals {
  rehearsed: Rehearsed[]
  /** Mails that providers took while letters were rehearsed. */
  calls: number
}

/** What the run put into a queue to be refused; each has a body of its own. */
export interface Thrown {
  /** For people. */
  id: string
  queue: string
  /** SHA-256 of its body. */
  digest: string
  /** Where it is to end: a row waits for a successor that knows it. */
  wants: 'dead letter' | 'row'
  /** The other queues with a copy of it that names this one as well: the last release gives it up with that name, and copies it again. */
  copied?: string[]
  /** Whether the broker had it, and a queue took it. */
  confirmed: boolean
  atMs: number
}

/** A delivery that waits for somebody who knows its type and version. */
export interface WaitingRow {
  queue: string
  digest: string
}

/** A queue that took nothing for a while: what it hears, who was refused, and which entries of the audit log came meanwhile. */
export interface Refused {
  queue: string
  /** The types that are bound to it. */
  hears: string[]
  /** `<exchange> <routing key>`, as the publishers' readiness names them. */
  routes: string[]
  /** From the entry after this one to that one. */
  after: number
  until: number
}

export interface Exit {
  process: string
  code: number | null
  signal: string | null
  /** Whether the run killed it. */
  wanted: boolean
  /** What it said of it. */
  why?: string | undefined
}

/** A time in which a mail may have been taken and not recorded: its process died or could not commit. */
export interface Window {
  fromMs: number
  toMs: number
  why: string
  /** The most mails that it can explain. */
  max: number
}

export interface Snapshot {
  asked: Asked[]
  orders: OrderRow[]
  /** In the order in which they were learnt. */
  facts: FactRow[]
  stockBefore: StockRow[]
  stock: StockRow[]
  reservations: ReservationRow[]
  /** How often stock was looked at while the run went on, and each negative number that was seen. */
  stockLooks: { count: number; negative: string[] }
  payments: PaymentRow[]
  charges: ChargeRow[]
  shipments: ShipmentRow[]
  notifications: NotificationRow[]
  deliveries: DeliveryRow[]
  attempts: AttemptRow[]
  accepted: Accepted[]
  events: EventRow[]
  tree: Tree
  /** Rows left in each service's outbox. */
  outboxes: { service: string; rows: number }[]
  queues: { name: string; messages: number }[]
  deadLetters: DeadLetter[]
  /** Those that lay there when all else was done, and were sent again. */
  sentAgain: DeadLetter[]
  rehearsals: Rehearsals
  thrown: Thrown[]
  waitingRows: WaitingRow[]
  /** Services whose deliveries may have been handed out twice, since they or their way to the broker went meanwhile. */
  repeating: string[]
  /** Services of which a process ran as the last release. */
  released: string[]
  /** When one of notification-service did. */
  toldByRelease: Pick<Window, 'fromMs' | 'toMs'>[]
  /** The mail addresses that the provider refused for good at least once. */
  refusedAddresses: string[]
  windows: Window[]
  /** Those during which nothing else was broken. */
  refusals: Refused[]
  /** What was bound when the load began, and what is in the end. */
  topology: { before: string[]; after: string[] }
  /** How long a parcel is on its way at least. */
  transitMs: number
  exits: Exit[]
  memory: { process: string; peakBytes: number }[]
  memoryMaxBytes: number
}

/** By a provider, or by the stand-in that a run without one has. */
export function isTaken(status: string): boolean {
  return status === 'sent' || status === 'simulated'
}
