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
    expect(() => wishOf(again, { ...before, exported: new Set(['InvoiceIssued']) })).toThrow('have a InvoiceIssued')
  })

  it.each([
    ['service Invoice --hears order.paid --says Invoice.issued', 'a noun of 2 to 20 small letters, and not "Invoice"'],
    ['service ../invoice --hears order.paid --says invoice.issued', 'small letters'],
    ['service order --hears order.paid --says order.done', 'order-service exists'],
    ['service class --hears order.paid --says class.done', '"class" has another meaning here'],
    ['service value --hears order.paid --says value.done', '"value" has another meaning here'],
    ['service shapes --hears order.paid --says shapes.done', '"shapes" has another meaning here'],
    ['service unrouted --hears order.paid --says unrouted.done', '"unrouted" has another meaning here'],
    ['service invoice --says invoice.issued', '--hears is missing'],
    [
      'service invoice --hears order.payed --says invoice.issued',
      'there is no event "order.payed" to hear; there are order.created',
    ],
    ['service invoice --hears payment.charge --says invoice.issued', 'there is no event "payment.charge"'],
    ['service invoice --hears notification.requested --says invoice.issued', 'goes to the channels that it names'],
    ['service invoice --hears order.paid', '--says must be an event of its own, such as invoice.done'],
    ['service invoice --hears order.paid --says order.issued', '--says must be an event of its own'],
    ['service invoice --hears order.paid --says invoice.Issued', 'noun.verbed, in small letters and underscores'],
    ['service invoice now --hears order.paid --says invoice.issued', '"now" is too much'],
    ['service invoice --hear order.paid', "Unknown option '--hear'"],
    ['queue fax', '"queue" cannot be made'],
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
    ['channel', 'such as sms-acme, and not ""'],
    ['channel chat', 'not "chat"; a channel of another kind is a change of contracts'],
    ['channel sms-', 'not "sms-"'],
    ['channel sms-Acme', 'not "sms-Acme"'],
    ['channel sms-../acme', 'not "sms-../acme"'],
    ['channel fax-acme', 'not "fax-acme"'],
    ['channel webhook-acme', 'goes to the URL that its customer names'],
    ['channel sms-twilio', 'has a file twilio already'],
    ['channel push-provider', 'has a file provider already'],
    ['channel sms-simulated', '"simulated" has another meaning here'],
    ['channel sms-acme-utils', '"acme-utils" has another meaning here'],
    ['channel sms-acme now', '"now" is too much'],
  ])('%s is refused', (line, why) => {
    expect(() => wished(line)).toThrow(why)
  })

  it('reads no setting that there is', () => {
    const made = { ...before, settings: ['acmeApiKey'] }
    expect(() => wishOf(['channel', 'sms-acme'], made)).toThrow('reads acmeApiKey already')
  })
})

describe('an event', () => {
  it('is of a service that says something', () => {
    expect(wished('event payment.charged_back')).toMatchObject({ kind: 'event', type: 'payment.charged_back' })
  })

  it.each([
    ['event payment.success', 'payment.success exists'],
    ['event invoice.paid', 'no service says invoice.…; those that do are order, inventory'],
    ['event audit.checked', 'no service says audit.…'],
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
    expect(() => wished('project ../Library')).toThrow('small letters, digits and hyphens, and not "Library"')
    expect(() => wished('project')).toThrow('a project is a new folder')
    expect(() => wished('project one two')).toThrow('"two" is too much')
  })
})
