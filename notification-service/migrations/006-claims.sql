-- Who makes the call now; null once it is over. Nobody else makes it meanwhile.
alter table open_calls add column claimed_by text
