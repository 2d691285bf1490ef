-- Backfill jobs: what is to be filled, which windows of which tables are leased by whom, what each
-- chunk did, and the rows that could not be converted.

create table tidegate.backfill_job (
    id           bigint generated always as identity primary key,
    change_id    text not null,
    relation     text not null,
    column_name  text not null,
    identity     text not null,
    spec         jsonb not null,
    settings     jsonb not null,
    state        text not null default 'pending'
                 check (state in ('pending', 'running', 'paused', 'done', 'failed', 'cancelled')),
    request      text check (request in ('pause', 'cancel')),
    hash         text not null check (hash in ('record', 'text')),
    held_by      text,
    rate         double precision,
    verification jsonb,
    verified_at  timestamptz,
    error        text,
    created_at   timestamptz not null default pg_catalog.now(),
    started_at   timestamptz,
    finished_at  timestamptz
);
create unique index on tidegate.backfill_job (change_id, relation, column_name)
    where state <> 'cancelled';
comment on table tidegate.backfill_job is 'One column to fill; identity tells a column from a later one of the same name';

create table tidegate.backfill_target (
    job_id        bigint not null references tidegate.backfill_job (id) on delete cascade,
    ordinal       int not null,
    schema_name   text not null,
    table_name    text not null,
    oid           oid not null,
    blocks        bigint not null,
    next_block    bigint not null default 0,
    rows_estimate double precision not null,
    fillfactor    int not null,
    stripe_key    text,
    primary key (job_id, ordinal)
);
comment on table tidegate.backfill_target is 'A relation that holds rows; blocks before next_block are handed out';

create table tidegate.backfill_window (
    id            bigint generated always as identity primary key,
    job_id        bigint not null references tidegate.backfill_job (id) on delete cascade,
    ordinal       int not null,
    from_block    bigint not null,
    to_block      bigint not null,
    stripes       int not null check (stripes > 0),
    next_stripe   int not null default 0,
    position      bigint not null,
    fence         bigint not null default 1,
    owner_pid     int,
    owner_started timestamptz,
    lease_until   timestamptz not null,
    finished      boolean not null default false,
    chunks        bigint not null default 0,
    rows          bigint not null default 0,
    hot_rows      bigint not null default 0,
    checksum      numeric not null default 0
) with (fillfactor = 50);
create index on tidegate.backfill_window (job_id) where not finished;
create index on tidegate.backfill_window (job_id, id);
comment on table tidegate.backfill_window is 'A range of blocks on lease, walked stripe by stripe';

create table tidegate.backfill_chunk (
    window_id   bigint not null references tidegate.backfill_window (id) on delete cascade,
    stripe      int not null,
    from_block  bigint not null,
    to_block    bigint not null,
    rows        bigint not null,
    hot_rows    bigint not null,
    checksum    numeric not null,
    took_ms     real not null,
    finished_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (window_id, stripe, from_block)
);
comment on table tidegate.backfill_chunk is 'Written in the transaction that changed the rows it counts';

create table tidegate.backfill_quarantine (
    job_id   bigint not null references tidegate.backfill_job (id) on delete cascade,
    relation text not null,
    row_tid  text not null,
    row_key  text,
    error    text not null,
    set_at   timestamptz not null default pg_catalog.now(),
    primary key (job_id, relation, row_tid)
);
comment on table tidegate.backfill_quarantine is 'Rows whose value could not be computed';

create table tidegate.canary (
    id int primary key,
    at timestamptz not null
) with (fillfactor = 10);
comment on table tidegate.canary is 'Small commits whose latency tells how the server feels';

-- Raises unless the caller holds the lease; locks the window until the caller's transaction ends,
-- so that nobody can take the window over while rows are being changed under its lease.
create function tidegate.backfill_fence(window_id bigint, owner_fence bigint, stripe int, at_block bigint)
returns boolean language plpgsql volatile set search_path = pg_catalog as $$
begin
    perform 1 from tidegate.backfill_window w
     where w.id = backfill_fence.window_id and w.fence = owner_fence and not w.finished
       and w.next_stripe = stripe and w.position = at_block
       for update;
    if not found then
        raise exception 'the lease of window % was taken over', window_id using errcode = 'TGF01';
    end if;
    return true;
end
$$;
