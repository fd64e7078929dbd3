-- The log as a Merkle tree. `hashes` of a block are those of its entries as leaves (RFC 6962) where `leaves` is 1. Where it is 0, they are
-- the links of the chain that earlier versions kept, whose copies may still add to the log: the sequencer puts leaves in their place.
alter table blocks add column leaves integer not null default 0
--
-- sqlite
drop trigger blocks_are_not_changed
--
-- sqlite
create trigger blocks_are_not_changed before update on blocks
  when old.leaves = 1 or new.first <> old.first or new.dictionary <> old.dictionary or new.records <> old.records begin
  select raise(abort, 'blocks are append-only');
end
--
-- postgres
drop trigger blocks_are_not_changed on blocks
--
-- postgres
create trigger blocks_are_not_changed before update on blocks for each row
  when (old.leaves = 1 or new.first <> old.first or new.dictionary <> old.dictionary or new.records <> old.records)
  execute function refuse_change()
--
-- postgres
create trigger blocks_are_not_deleted before delete or truncate on blocks
  for each statement execute function refuse_change()
--
-- The roots of full tiles: each is a hash of the tile level above. The leaves themselves, level 0, stand in the blocks.
-- sqlite
create table tree_nodes (level integer, number integer, hash blob not null, primary key (level, number)) without rowid
--
-- postgres
create table tree_nodes (level integer, number bigint, hash bytea not null, primary key (level, number))
--
-- sqlite
create trigger tree_nodes_are_not_changed before update on tree_nodes begin
  select raise(abort, 'tree_nodes are append-only');
end
--
-- sqlite
create trigger tree_nodes_are_not_deleted before delete on tree_nodes begin
  select raise(abort, 'tree_nodes are append-only');
end
--
-- postgres
create trigger tree_nodes_are_not_changed before update or delete or truncate on tree_nodes
  for each statement execute function refuse_change()
--
-- One row: how many entries the tree has, and the newest checkpoint.
create table tree_head (size integer primary key, checkpoint text)
--
-- postgres
alter table tree_head alter column size type bigint
--
insert into tree_head (size) values (0)
--
-- One row: the copy of the service that numbers entries and signs, and until when it may.
create table tree_lease (holder text primary key, held_until text not null)
--
insert into tree_lease (holder, held_until) values ('', '')
--
-- One row: up to where the chain is to be checked while its blocks are taken over, its newest link that was checked, and where it broke.
create table earlier_chain (until integer primary key, sequence integer not null, hash text not null, broken_at integer, why text)
--
-- postgres
alter table earlier_chain alter column until type bigint, alter column sequence type bigint, alter column broken_at type bigint
--
insert into earlier_chain (until, sequence, hash)
  values ((select coalesce(max(first + length(hashes) / 32 - 1), 0) from blocks), 0, '0000000000000000000000000000000000000000000000000000000000000000')
