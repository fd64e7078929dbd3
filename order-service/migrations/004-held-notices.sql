-- Until when a held notification waits.
alter table notices add column until text
