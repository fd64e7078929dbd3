// A delivery status notification as Postfix writes it (RFC 3464, RFC 6522).
const messageId = '<123.order.paid.email@orders.example>'

/** `originalTo` and `finalTo` are whole fields; an empty one is left out. */
export function dsn({
  status = '5.1.1',
  action = 'failed',
  id = messageId,
  to = 'ann@example.org',
  finalTo = `rfc822; ${to}`,
  originalTo = `rfc822;${to}`,
}: Partial<Record<'status' | 'action' | 'id' | 'to' | 'finalTo' | 'originalTo', string>> = {}): string {
  const recipients = [finalTo && `Final-Recipient: ${finalTo}\n`, originalTo && `Original-Recipient: ${originalTo}\n`]
  return `Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: orders@example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4F2A91C0D3
Arrival-Date: Sat, 21 Nov 2026 08:30:00 +0000 (UTC)

${recipients.join('')}Action: ${action}
Status: ${status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550 5.1.1 <${to}>: Recipient address rejected:
    User unknown

--B
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: Orders <orders@example.com>
Subject: Order 123
Message-ID:
 ${id}

--B--
`.replaceAll('\n', '\r\n')
}
