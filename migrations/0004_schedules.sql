-- What runs by itself: the schedules that daemons watch, and one row for each time that a schedule
-- was due, claimed by exactly one of them.

create table tidegate.schedule (
    project      text not null,
    name         text not null,
    cron         text not null,
    timezone     text not null,
    command      text not null,
    watched_from timestamptz not null,
    primary key (project, name)
);
comment on table tidegate.schedule is 'Its row is locked while a due time is claimed; due times before watched_from do not count';

create table tidegate.schedule_run (
    id           bigint generated always as identity primary key,
    project      text not null,
    name         text not null,
    due_at       timestamptz not null,
    cause        text not null check (cause in ('due', 'hand')),
    state        text not null check (state in
                 ('intent', 'running', 'done', 'failed', 'unknown', 'skipped', 'missed')),
    passed_over  int not null default 0 check (passed_over >= 0),
    owner        text not null,
    owner_key    bigint not null,
    claimed_at   timestamptz not null default pg_catalog.clock_timestamp(),
    heartbeat_at timestamptz not null default pg_catalog.clock_timestamp(),
    started_at   timestamptz,
    finished_at  timestamptz,
    exit_code    int,
    reason       text,
    outcome      jsonb,
    unique (project, name, due_at)
);
create index on tidegate.schedule_run (owner_key) where state in ('intent', 'running');
create index on tidegate.schedule_run (project, name, id);
comment on table tidegate.schedule_run is 'unknown: its daemon died; skipped: an earlier run was still alive; missed: no daemon ran';
comment on column tidegate.schedule_run.passed_over is 'Earlier due times, since the row before, for which this row stands';
comment on column tidegate.schedule_run.owner_key is 'Key of the advisory lock that the owner''s session holds as long as it lives';

-- Whether the owner of a run still lives: its session holds the lock, and it gave a sign lately. A
-- session may be gone for moments while the owner connects anew; a lock may outlive a machine that
-- was cut off.
create function tidegate.schedule_run_alive(run tidegate.schedule_run) returns boolean
    language sql volatile set search_path = pg_catalog
as $$
    select run.state in ('intent', 'running') and (
        run.heartbeat_at > clock_timestamp() - interval '20 seconds'
        or run.heartbeat_at > clock_timestamp() - interval '2 minutes' and exists (
            select from pg_locks as l
             where l.locktype = 'advisory' and l.granted and l.objsubid = 1
               and l.database = (select d.oid from pg_database as d where d.datname = current_database())
               and (l.classid::bigint << 32 | l.objid::bigint) = run.owner_key))
$$;
