-- What a fact tells about its customer, encrypted by their key; then `data` has the rest. Null where `data` has all of it.
alter table facts add column personal text
