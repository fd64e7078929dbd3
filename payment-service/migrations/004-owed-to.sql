-- What names the customer of refunds that an operator gave up, as JSON, for the next try. Encrypted, so apart from the refunds.
alter table payments add column owed_to text
