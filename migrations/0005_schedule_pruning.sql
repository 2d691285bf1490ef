-- Runs of long ago are deleted; their number by state is kept here, so that counters never fall.
alter table tidegate.schedule add pruned jsonb not null default '{}';
comment on column tidegate.schedule.pruned is 'Number of deleted runs by state';
