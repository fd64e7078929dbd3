-- Whose an address is, to be found by the address: what a customer does not want is not sent to the bare address either.
create table mailboxes (
  mailbox text not null,
  customer_id text not null,
  primary key (mailbox, customer_id)
)
--
create index mailboxes_by_customer on mailboxes (customer_id)
