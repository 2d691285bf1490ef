-- The ledger of schema changes: what was asked for, which phase stands where, and every step with
-- its intent and its outcome.

create schema if not exists tidegate;
comment on schema tidegate is 'Tidegate: ledger, jobs, approvals and audit log';

create table tidegate.change (
    id          text primary key,
    title       text not null,
    checksum    text not null,
    definition  jsonb not null,
    recorded_at timestamptz not null default pg_catalog.now()
);
comment on table tidegate.change is 'One change file; checksum covers its operations';

create table tidegate.phase (
    change_id   text not null references tidegate.change (id),
    phase       text not null check (phase in ('expand', 'backfill', 'enforce', 'contract')),
    release     text not null,
    state       text not null check (state in ('running', 'done', 'undoing', 'undone')),
    plan_hash   text not null,
    steps       jsonb not null,
    evidence    jsonb,
    started_at  timestamptz not null default pg_catalog.now(),
    finished_at timestamptz,
    primary key (change_id, phase)
);
comment on table tidegate.phase is 'A phase that was begun; steps holds the plan it runs by';

create table tidegate.step (
    change_id   text not null,
    phase       text not null,
    ordinal     int not null,
    title       text not null,
    state       text not null check (state in ('intent', 'done', 'unknown', 'undone')),
    intent_at   timestamptz not null default pg_catalog.clock_timestamp(),
    outcome_at  timestamptz,
    took_ms     double precision,
    error       text,
    primary key (change_id, phase, ordinal),
    foreign key (change_id, phase) references tidegate.phase (change_id, phase) on delete cascade
);
comment on table tidegate.step is 'intent without outcome: a transactional step did not happen, another is unknown';

create table tidegate.approval (
    id           bigint generated always as identity primary key,
    plan_hash    text not null,
    environment  text not null,
    state        text not null check (state in ('requested', 'granted', 'denied')),
    actor        text not null,
    reason       text,
    decided_at   timestamptz not null default pg_catalog.now()
);
comment on table tidegate.approval is 'Requests, grants and denials, each bound to the hash of a plan';
