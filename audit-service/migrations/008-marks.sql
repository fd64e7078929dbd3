-- How far each service has come: of each life of its database the highest number of a message that was kept.
create table marks (
  service text not null,
  epoch text not null,
  last bigint not null,
  primary key (service, epoch)
)
