-- What the request asked for that came with the key, whole: a repeat asks for the same.
alter table idempotency_keys add column fingerprint text
