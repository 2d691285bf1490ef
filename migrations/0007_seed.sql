-- Seeding: what a run writes, which ranges of rows are in, and what was taken off the tables for the
-- load and has to be put back, whoever dies.

create table tidegate.seed_run (
    id          bigint generated always as identity primary key,
    request     text not null,
    seed        text not null,
    plan_hash   text not null,
    plan        text not null,
    state       text not null default 'loading'
                check (state in ('loading', 'loaded', 'done', 'abandoning', 'abandoned')),
    started_at  timestamptz not null default pg_catalog.now(),
    finished_at timestamptz
);
create unique index on tidegate.seed_run ((true)) where state in ('loading', 'loaded', 'abandoning');
comment on table tidegate.seed_run is 'One seeding; at most one is unfinished';

create table tidegate.seed_table (
    run_id      bigint not null references tidegate.seed_run (id) on delete cascade,
    ordinal     int not null,
    schema_name text not null,
    table_name  text not null,
    first_row   bigint not null,
    rows        bigint not null,
    was_empty   boolean not null,
    primary key (run_id, ordinal)
);
comment on table tidegate.seed_table is 'A table of a run, in the order of its plan';

create table tidegate.seed_chunk (
    run_id   bigint not null references tidegate.seed_run (id) on delete cascade,
    id       int not null,
    ordinal  int not null,
    from_row bigint not null,
    to_row   bigint not null,
    done     boolean not null default false,
    rows     bigint,
    bytes    bigint,
    digest   text,
    xid      text,
    primary key (run_id, id)
);
create index on tidegate.seed_chunk (run_id, id) where not done;
comment on table tidegate.seed_chunk is 'Marked done in the transaction that wrote its rows';

create table tidegate.seed_unhooked (
    run_id      bigint not null references tidegate.seed_run (id) on delete cascade,
    id          int not null,
    schema_name text not null,
    table_name  text not null,
    kind        text not null check (kind in ('key', 'index', 'foreign_key', 'trigger')),
    name        text not null,
    definition  text not null,
    remark      text,
    added       boolean not null default false,
    primary key (run_id, id)
);
comment on table tidegate.seed_unhooked is
    'Written in the transaction that dropped it, deleted in the one that made it again; added: not validated yet';
