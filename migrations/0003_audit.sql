-- The audit log: append-only, each entry chained to the one before it by a SHA-256 hash, with the
-- newest hash kept in a row of its own, so that neither an edit nor a gap nor a cut tail goes unseen.

create table tidegate.audit (
    seq         bigint primary key check (seq > 0),
    at          timestamptz not null,
    actor       text not null,
    os_user     text not null,
    host        text not null,
    environment text not null,
    action      text not null,
    detail      json not null,
    prev_hash   bytea not null check (pg_catalog.octet_length(prev_hash) = 32),
    hash        bytea not null check (pg_catalog.octet_length(hash) = 32)
);
comment on table tidegate.audit is 'What was done, by whom; written by tidegate.audit_append alone';
comment on column tidegate.audit.detail is 'json, not jsonb: its text is hashed as it was written';

create index audit_at_idx on tidegate.audit (at);

create table tidegate.audit_head (
    one  boolean primary key default true check (one),
    seq  bigint not null,
    hash bytea not null check (pg_catalog.octet_length(hash) = 32)
);
comment on table tidegate.audit_head is 'The newest entry; its one row is locked while appending, which makes the chain linear';

insert into tidegate.audit_head (seq, hash)
values (0, pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'));

-- A field as its length in bytes, a colon, and itself: no two lists of fields give one text.
create function tidegate.audit_field(field text) returns text
    language sql immutable strict parallel safe
    set search_path = pg_catalog
as $$
    select pg_catalog.octet_length(pg_catalog.convert_to(field, 'UTF8')) || ':' || field || ','
$$;

create function tidegate.audit_canonical(entry tidegate.audit) returns text
    language sql stable parallel safe
    set search_path = pg_catalog
as $$
    select 'tidegate-audit-1'
        || chr(10)
        || tidegate.audit_field(entry.seq::text)
        || tidegate.audit_field(to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        || tidegate.audit_field(entry.actor)
        || tidegate.audit_field(entry.os_user)
        || tidegate.audit_field(entry.host)
        || tidegate.audit_field(entry.environment)
        || tidegate.audit_field(entry.action)
        || tidegate.audit_field(entry.detail::text)
$$;
comment on function tidegate.audit_canonical is 'The text that is hashed; governance::audit computes the same one';

create function tidegate.audit_append(
    actor text, os_user text, host text, environment text, action text, detail text
) returns setof tidegate.audit
    language plpgsql
    set search_path = pg_catalog
as $$
declare
    head  tidegate.audit_head;
    entry tidegate.audit;
begin
    select * into strict head from tidegate.audit_head for update;
    entry.seq := head.seq + 1;
    entry.at := clock_timestamp();
    entry.actor := actor;
    entry.os_user := os_user;
    entry.host := host;
    entry.environment := environment;
    entry.action := action;
    entry.detail := detail::json;
    entry.prev_hash := head.hash;
    entry.hash := sha256(head.hash || convert_to(tidegate.audit_canonical(entry), 'UTF8'));
    insert into tidegate.audit values (entry.*);
    update tidegate.audit_head set seq = entry.seq, hash = entry.hash;
    return next entry;
end
$$;
comment on function tidegate.audit_append is 'Appends one entry in the transaction of the caller';

create function tidegate.audit_refuse() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    raise exception '% of tidegate.% is refused: the audit log only grows', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create function tidegate.audit_head_advance() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if new.seq is distinct from old.seq + 1 then
        raise exception 'the head of the audit log goes forward by one entry at a time'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

create trigger append_only before update or delete or truncate on tidegate.audit
    for each statement execute function tidegate.audit_refuse();
create trigger append_only before insert or delete or truncate on tidegate.audit_head
    for each statement execute function tidegate.audit_refuse();
create trigger advance before update on tidegate.audit_head
    for each row execute function tidegate.audit_head_advance();
-- ALWAYS: session_replication_role must not switch them off.
alter table tidegate.audit enable always trigger append_only;
alter table tidegate.audit_head enable always trigger append_only;
alter table tidegate.audit_head enable always trigger advance;

revoke all on function
    tidegate.audit_append(text, text, text, text, text, text),
    tidegate.audit_canonical(tidegate.audit),
    tidegate.audit_field(text)
    from public;
