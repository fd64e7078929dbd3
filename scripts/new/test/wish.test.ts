// What may be made, and what is refused before anything is written.
import { describe, expect, it } from 'vitest'
import { type Known, known } from '../known.ts'
import { wishOf } from '../wish.ts'

/** As it is where nobody has made an invoice-service. */
const today = known()
const isInvoice = (name: string) => name.toLowerCase().startsWith('invoice')
const isAdded = (name: string) => /^(acme|pigeon)/.test(name)
const before: Known = {
  ...today,
  services: today.services.filter((noun) => !isInvoice(noun)),
  events: new Map([...today.events].filter(([type]) => !isInvoice(type))),
  exported: new Set([...today.exported].filter((name) => !isInvoice(name))),
  folders: new Set([...today.folders].filter((name) => !isInvoice(name))),
  taken: new Set([...today.taken].filter((name) => !isInvoice(name))),
  providerFiles: new Set([...today.providerFiles].filter((name) => !isAdded(name))),
  settings: today.settings.filter((name) => !isAdded(name)),
}
const wished = (line: string) => wishOf(line.split(' '), before)

describe('a service', () => {
  it('hears what is there and says something new', () => {
    expect(
      wished('service invoice --hears order.paid --hears shipping.delivered,order.paid --says invoice.issued'),
    ).toEqual({
      kind: 'service',
      noun: 'invoice',
      hears: [
        { type: 'order.paid', contract: 'OrderPaid' },
        { type: 'shipping.delivered', contract: 'ShippingDelivered' },
      ],
      says: 'invoice.issued',
      next: expect.stringContaining('invoice-service/domain.ts'),
    })
  })

  it('is not made twice, nor under the name of something else', () => {
    const made = { ...before, services: [...before.services, 'invoice'] }
    const again = 'service invoice --hears order.paid --says invoice.issued'.split(' ')
    expect(() => wishOf(again, made)).toThrow('invoice-service exists')
    expect(() => wishOf(again, { ...before, folders: new Set(['invoice-service']) })).toThrow(
      'is a folder invoice-service',
    )
    expect(() => wishOf(again, { ...before, exported: new Set(['InvoiceIssued']) })).toThrow(
      'have InvoiceIssued already',
    )
  })

  it.each([
    ['service Invoice --hears order.paid --says Invoice.issued', 'a noun of 2 to 20 small letters, not "Invoice"'],
    ['service ../invoice --hears order.paid --says invoice.issued', 'small letters'],
    ['service order --hears order.paid --says order.done', 'order-service exists'],
    ['service class --hears order.paid --says class.done', 'the name "class" is reserved'],
    ['service value --hears order.paid --says value.done', 'the name "value" is reserved'],
    ['service shapes --hears order.paid --says shapes.done', 'the name "shapes" is reserved'],
    ['service unrouted --hears order.paid --says unrouted.done', 'the name "unrouted" is reserved'],
    ['service invoice --says invoice.issued', '--hears is missing'],
    [
      'service invoice --hears order.payed --says invoice.issued',
      'there is no event "order.payed"; the events are order.created',
    ],
    ['service invoice --hears payment.charge --says invoice.issued', 'there is no event "payment.charge"'],
    ['service invoice --hears notification.requested --says invoice.issued', 'goes only to the channels that it names'],
    ['service invoice --hears order.paid', '--says must be an event of this service, such as invoice.done'],
    ['service invoice --hears order.paid --says order.issued', '--says must be an event of this service'],
    ['service invoice --hears order.paid --says invoice.Issued', 'noun.verbed, in small letters and underscores'],
    ['service invoice now --hears order.paid --says invoice.issued', 'unexpected argument "now"'],
    ['service invoice --hear order.paid', "Unknown option '--hear'"],
    ['queue fax', 'cannot make "queue"'],
  ])('%s is refused', (line, why) => {
    expect(() => wished(line)).toThrow(why)
  })
})

describe('a provider of a channel', () => {
  it('is called by its channel and its own name', () => {
    const next = expect.stringContaining('notification-service/channels/acme-mail.ts')
    expect(wished('channel email-acme-mail')).toEqual({ kind: 'channel', channel: 'email', name: 'acme-mail', next })
    expect(wished('channel push-pigeon')).toMatchObject({ channel: 'push', name: 'pigeon' })
  })

  it.each([
    ['channel', 'such as sms-acme, not ""'],
    ['channel chat', 'not "chat"; a new kind of channel changes the contracts'],
    ['channel sms-', 'not "sms-"'],
    ['channel sms-Acme', 'not "sms-Acme"'],
    ['channel sms-../acme', 'not "sms-../acme"'],
    ['channel fax-acme', 'not "fax-acme"'],
    ['channel webhook-acme', 'goes to the URL that its customer names'],
    ['channel sms-twilio', 'has a file twilio already'],
    ['channel push-provider', 'has a file provider already'],
    ['channel sms-simulated', 'the name "simulated" is reserved'],
    ['channel sms-acme-utils', 'the name "acme-utils" is reserved'],
    ['channel sms-acme now', 'unexpected argument "now"'],
  ])('%s is refused', (line, why) => {
    expect(() => wished(line)).toThrow(why)
  })

  it('reads no setting that there is', () => {
    const made = { ...before, settings: ['acmeApiKey'] }
    expect(() => wishOf(['channel', 'sms-acme'], made)).toThrow('has other settings named acmeApiKey')
  })
})

describe('an event', () => {
  it('is of a service that says something', () => {
    expect(wished('event payment.charged_back')).toMatchObject({ kind: 'event', type: 'payment.charged_back' })
  })

  it.each([
    ['event payment.success', 'payment.success exists'],
    ['event invoice.paid', 'no service publishes invoice.…; the services with events are order, inventory'],
    ['event audit.checked', 'no service publishes audit.…'],
    ['event payment', 'noun.verbed'],
  ])('%s is refused', (line, why) => {
    expect(() => wished(line)).toThrow(why)
  })
})

describe('a project', () => {
  it('is made in a folder that npm can call it by', () => {
    expect(wished('project ../my/library')).toEqual({
      kind: 'project',
      folder: '../my/library',
      next: 'cd ../my/library && npm install && npm test',
    })
    expect(() => wished('project ../Library')).toThrow('small letters, digits and hyphens, not "Library"')
    expect(() => wished('project')).toThrow('the folder of a project')
    expect(() => wished('project one two')).toThrow('unexpected argument "two"')
  })
})
