#!/bin/bash
# Seeds the same table of ten columns with other tools, and TPC-H at scale factor 1 beside tpchgen-cli, on the server that
# PGHOST, PGPORT and PGUSER name:
#   benches/seed_rivals.sh TIDEGATE ROWS FEW
# ROWS are for the fast tools, FEW for the slow ones; each line is rows a second into the table with its keys. Used where
# they are: `dbgen` (crates.io), `tpchgen-cli` and `python3` with `faker` (PyPI), `node` with `drizzle-seed`,
# `drizzle-orm` and `pg` (npm, in the folder DRIZZLE).
set -euo pipefail
tidegate=$1 rows=$2 few=$3
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
table='create table users (id bigint primary key, email text not null unique, full_name text not null, phone text, city text,
    zip text, born date, created_at timestamptz not null, balance numeric(12,2), active boolean not null)'

fresh() {
    psql -qX -d postgres -c 'drop database if exists rival with (force)' -c 'create database rival' 2>/dev/null
    psql -qX -d rival -c "$1"
    psql -qX -d rival -c checkpoint
}

# timed NAME ROWS COMMAND...
timed() {
    local name=$1 count=$2 began ended
    shift 2
    began=$(date +%s.%N)
    "$@"
    ended=$(date +%s.%N)
    awk -v n="$name" -v c="$count" -v s="$began" -v e="$ended" \
        'BEGIN { printf "%-34s %9d rows in %8.2f s: %10.0f rows/s\n", n, c, e - s, c / (e - s) }'
}

project() {
    cat > "$work/tidegate.toml" <<EOF
version = 1
project = "rivals"
default = "dev"
[environments.dev]
tier = "dev"
url = "postgres://$PGUSER@/rival?host=$PGHOST&port=$PGPORT"
EOF
}

ours() {
    (cd "$work" && "$tidegate" seed run "$@" --format json --quiet > "$work/seed.json")
}

counted() {
    local found
    found=$(psql -qXAt -d rival -c "select count(*) from $1")
    [ "$found" = "$2" ] || { echo "$1 holds $found rows, not $2" >&2; exit 1; }
}

copied() {
    psql -qX -v ON_ERROR_STOP=1 -d rival -c "\\copy users from stdin (format csv)" > /dev/null
}

by_dbgen() {
    cat > "$work/users.sql" <<'EOF'
CREATE TABLE users (
    id bigint {{ rownum }},
    email text {{ rand.regex('[a-z]{4,9}[.][a-z]{5,10}') || rownum || '@example.com' }},
    full_name text {{ rand.regex('[A-Z][a-z]{3,8} [A-Z][a-z]{4,10}') }},
    phone text {{ rand.regex('[+]49[0-9]{9,10}') }},
    city text {{ rand.regex('[A-Z][a-z]{4,11}') }},
    zip text {{ rand.regex('[0-9]{5}') }},
    born date {{ TIMESTAMP '1950-01-01 00:00:00' + INTERVAL rand.range(0, 20000) DAY }},
    created_at timestamptz {{ TIMESTAMP '2020-01-01 00:00:00' + INTERVAL rand.range(0, 150000000) SECOND }},
    balance numeric {{ rand.range(0, 10000000) / 100 }},
    active boolean {{ rand.bool(0.9) }}
);
EOF
    dbgen -i "$work/users.sql" -o "$work/dbgen" -N "$rows" -R "$rows" -r 1000 --format csv -j 2 -q --no-schemas
    cat "$work"/dbgen/*.csv | copied
}

by_faker() {
    python3 - "$few" <<'EOF' | copied
import csv, sys
from faker import Faker
fake = Faker()
out = csv.writer(sys.stdout)
for number in range(int(sys.argv[1])):
    out.writerow([number, fake.unique.email(), fake.name(), fake.phone_number(), fake.city(), fake.postcode(),
        fake.date_of_birth(), fake.date_time_between("-5y").isoformat() + "Z", fake.pydecimal(6, 2), fake.boolean(90)])
EOF
}

by_drizzle() {
    cat > "$DRIZZLE/rival.mjs" <<'EOF'
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, boolean, date, numeric, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { seed } from 'drizzle-seed';
import pg from 'pg';
const users = pgTable('users', {
    id: bigint({ mode: 'number' }).primaryKey(), email: text().notNull().unique(), full_name: text().notNull(), phone: text(),
    city: text(), zip: text(), born: date(), created_at: timestamp({ withTimezone: true }).notNull(),
    balance: numeric({ precision: 12, scale: 2 }), active: boolean().notNull() });
const pool = new pg.Pool({ database: 'rival' });
await seed(drizzle(pool), { users }, { count: Number(process.argv[2]) }).refine((f) => ({ users: { columns: {
    id: f.intPrimaryKey(), email: f.email(), full_name: f.fullName(), phone: f.phoneNumber(), city: f.city(),
    zip: f.postcode(), balance: f.number({ minValue: 0, maxValue: 100000, precision: 100 }) } } }));
await pool.end();
EOF
    (cd "$DRIZZLE" && node rival.mjs "$few")
}

# Each table from tpchgen-cli through a pipe, two at a time, into tables whose keys are made afterwards.
by_tpchgen() {
    local name
    load() { tpchgen-cli csv -s 1 -T "$1" --stdout 2> /dev/null | tail -n +2 | psql -qX -v ON_ERROR_STOP=1 -d rival -c "\\copy $1 from stdin (format csv)"; }
    load lineitem &
    for name in orders partsupp customer part supplier nation region; do load "$name"; done
    wait $!
    psql -qX -v ON_ERROR_STOP=1 -d rival -f "$work/keys.sql"
}

tpch() {
    local schema="$here/fixtures/tpch/schema.sql" all=8661245
    cat > "$work/tpch.toml" <<EOF
version = 1
[tables.region]
rows = 5
[tables.nation]
rows = 25
[tables.supplier]
rows = 10_000
[tables.customer]
rows = 150_000
[tables.part]
rows = 200_000
[tables.partsupp]
rows = 800_000
[tables.orders]
rows = 1_500_000
[tables.lineitem]
rows = 6_001_215
EOF
    fresh "$(cat "$schema")"
    # The keys and indexes as statements, and what takes them off: the rival loads bare tables.
    psql -qXAt -d rival > "$work/keys.sql" <<'EOF'
select format('alter table %s add constraint %I %s;', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f') order by contype = 'f';
select pg_get_indexdef(indexrelid) || ';' from pg_index join pg_class c on c.oid = indexrelid
    where relnamespace = 'public'::regnamespace and not exists (select from pg_constraint where conindid = indexrelid);
select 'analyze;';
EOF
    mkdir -p "$work/seeds"
    mv "$work/tpch.toml" "$work/seeds/tpch.toml"
    timed 'tidegate, TPC-H SF 1' $all ours
    rm "$work/seeds/tpch.toml"
    counted lineitem 6001215
    if command -v tpchgen-cli > /dev/null; then
        fresh "$(cat "$schema")"
        psql -qXAt -d rival > "$work/off.sql" <<'EOF'
select format('alter table %s drop constraint %I cascade;', conrelid::regclass, conname) from pg_constraint
    where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f') order by contype <> 'f';
select format('drop index %s;', indexrelid::regclass) from pg_index join pg_class c on c.oid = indexrelid
    where relnamespace = 'public'::regnamespace and not exists (select from pg_constraint where conindid = indexrelid);
EOF
        psql -qX -v ON_ERROR_STOP=1 -d rival -f "$work/off.sql"
        timed 'tpchgen-cli | COPY, then keys' $all by_tpchgen
        counted lineitem 6001215
    fi
}

project
for round in 1 2 3; do
    echo "round $round"
    fresh "$table"
    timed 'tidegate' "$rows" ours --rows "$rows"
    counted users "$rows"
    fresh "$table"
    timed 'tidegate, few rows' "$few" ours --rows "$few"
    if command -v dbgen > /dev/null; then
        fresh "$table"
        timed 'dbgen, then COPY' "$rows" by_dbgen
        counted users "$rows"
        rm -rf "$work/dbgen"
    fi
    if python3 -c 'import faker' 2> /dev/null; then
        fresh "$table"
        timed 'Faker | COPY' "$few" by_faker
        counted users "$few"
    fi
    if [ -n "${DRIZZLE:-}" ]; then
        fresh "$table"
        timed 'drizzle-seed' "$few" by_drizzle
        counted users "$few"
    fi
    tpch
done
