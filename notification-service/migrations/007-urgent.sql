-- The urgent ones by time: to find those that nobody has sent, while the broker is away.
create index urgent_notifications on notifications (created_at) where priority >= 9
