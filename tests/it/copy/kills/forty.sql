-- A database of more than forty tables: every common type, and every way that tables are made and
-- hang together. pg_temp.part(percent) is a share of the rows that are asked for.
create schema "Other one";
create type mood as enum ('sad', 'ok', 'it''s fine');
create domain positive as int check (value > 0);
create domain code as varchar(12) check (value <> '');
create type size as (width int, height numeric(8,2), label text);
create type span as range (subtype = float8);
create extension hstore;

create table country (code char(2) primary key, name text not null);
insert into country select chr(65 + i / 26) || chr(65 + i % 26), 'country ' || i from generate_series(0, 99) i;
create table city (id int primary key, country char(2) not null references country, name text, place point);
insert into city select i, chr(65 + i % 100 / 26) || chr(65 + i % 100 % 26), 'city ' || i, point(i % 180, i % 90)
    from generate_series(1, 500) i;

-- Cycles: household and person, employee and store; an employee has a boss.
create table household (id int primary key, head bigint, city int references city);
create table person (id bigint generated always as identity primary key, email text not null unique, full_name text,
    phone text, born date, mood mood, household int references household, profile jsonb, notes text,
    loud text generated always as (upper(notes)) stored, seen timestamptz default now());
insert into household select i, null, 1 + i % 500 from generate_series(1, pg_temp.part(3)) i;
insert into person (email, full_name, phone, born, mood, household, profile, notes)
    select 'person' || i || '@corp.example', 'Person No ' || i, '+4915' || lpad((abs(hashint8(i)::bigint) % 1000000000)::text, 9, '0'), '1950-01-01'::date + i % 20000,
    (enum_range(null::mood))[1 + i % 3], 1 + i % pg_temp.part(3), jsonb_build_object('n', i, 'tags', array[i % 7, null]), 'note ' || i % 9
    from generate_series(1, pg_temp.part(10)) i;
update household set head = id;
alter table household add foreign key (head) references person deferrable initially deferred;
create table employee (id int primary key, boss int references employee, store int not null);
create table store (id int primary key, manager int not null references employee deferrable initially deferred, city int references city);
begin;
insert into store select i, i, 1 + i % 500 from generate_series(1, 20) i;
insert into employee select i, nullif(i / 3, 0), 1 + i % 20 from generate_series(1, 200) i;
commit;
alter table employee add foreign key (store) references store;
create table person_address (person bigint references person, no int, street code, city int references city, primary key (person, no));
insert into person_address select 1 + i % pg_temp.part(10), 1 + i / pg_temp.part(10), 'street ' || i % 999, 1 + i % 500 from generate_series(0, pg_temp.part(5) - 1) i;

-- Balances follow from the lines, at every instant.
create table account (id int primary key, balance bigint not null, note text) with (fillfactor = 90);
create table line (id bigint generated always as identity primary key, payer int not null references account,
    payee int not null references account, amount bigint not null);
insert into account select i, 1000, repeat('x', 40) from generate_series(1, pg_temp.part(10)) i;

create table product (id uuid primary key, name text, price numeric(12,3), tags text[], dims size, valid tstzrange, extra hstore);
insert into product select md5(i::text)::uuid, 'product ' || i, i / 7.0, array['a' || i % 5, null], (i, i / 3.0, 'l"' || i)::size,
    tstzrange('2024-01-01', '2024-01-02'::timestamptz + i * interval '1 hour'), hstore('k', i::text) from generate_series(1, pg_temp.part(3)) i;
create table product_part (whole uuid references product, part uuid references product, amount positive, primary key (whole, part));
insert into product_part select md5(i::text)::uuid, md5((i / 2 + 1)::text)::uuid, i from generate_series(1, pg_temp.part(2)) i;
create table "order" (id bigserial primary key, person bigint not null references person, placed timestamptz not null, state mood not null);
create index on "order" (placed);
create index on "order" (person) where state <> 'sad';
insert into "order" (person, placed, state) select 1 + i % pg_temp.part(10), '2024-01-01'::timestamptz + i * interval '1 minute', (enum_range(null::mood))[1 + i % 3]
    from generate_series(1, pg_temp.part(10)) i;
create table order_line ("order" bigint references "order", no smallint, product uuid references product, amount int check (amount > 0), primary key ("order", no));
insert into order_line select 1 + i % pg_temp.part(10), 1 + i / pg_temp.part(10), md5((1 + i % pg_temp.part(3))::text)::uuid, 1 + i % 9
    from generate_series(0, pg_temp.part(12) - 1) i;
create table shipment (id int primary key, "order" bigint, no smallint, foreign key ("order", no) references order_line);
insert into shipment select i, 1 + i % pg_temp.part(10), 1 from generate_series(1, pg_temp.part(2)) i;

-- Partitions: of lists, ranges and hashes, below each other, with other columns in other places.
create table event (id bigint, region text, at date, payload json, primary key (id, region, at)) partition by list (region);
create table event_eu partition of event for values in ('eu') partition by range (at);
create table event_eu_old partition of event_eu for values from (minvalue) to ('2024-07-01');
create table event_eu_new (payload json, gone int, at date not null, id bigint not null, region text not null);
alter table event_eu_new drop column gone;
alter table event_eu attach partition event_eu_new for values from ('2024-07-01') to (maxvalue);
create table event_us partition of event for values in ('us') partition by hash (id);
create table event_us_0 partition of event_us for values with (modulus 2, remainder 0);
create table event_us_1 partition of event_us for values with (modulus 2, remainder 1);
create table event_rest partition of event default;
create index on event (at);
insert into event select i, (array['eu', 'us', 'as'])[1 + i % 3], '2024-01-01'::date + i % 366, json_build_object('i', i, 'a', array[i])
    from generate_series(1, pg_temp.part(15)) i;
create table metric (device int not null, at timestamp not null, value float8) partition by hash (device);
create table metric_0 partition of metric for values with (modulus 3, remainder 0);
create table metric_1 partition of metric for values with (modulus 3, remainder 1);
create table metric_2 partition of metric for values with (modulus 3, remainder 2);
insert into metric select i % 99, '2024-01-01'::timestamp + i * interval '1 second', i / 3.0 from generate_series(1, pg_temp.part(8)) i;
create table reading (id int primary key, value real) partition by range (id);
create table reading_low partition of reading for values from (minvalue) to (500);
create table reading_high partition of reading default;
insert into reading select i, i / 7.0 from generate_series(1, pg_temp.part(4)) i;

-- Types.
create table number (id int primary key, s smallint, b bigint, n numeric, nn numeric(20,5), r real, d float8, m money);
insert into number select i, i % 30000, i * 10000000000, case when i % 50 = 0 then 'NaN' else (i || '.' || i)::numeric end, i / 3.0,
    case when i % 50 = 0 then 'NaN' else i / 7.0 end, case when i % 50 = 0 then '-infinity' else i / 9.0 end, i from generate_series(1, pg_temp.part(2)) i;
create table moment (id int primary key, d date, t time, tt timetz, ts timestamp, tz timestamptz, i interval);
insert into moment select i, case when i % 50 = 0 then 'infinity' else '2000-01-01'::date + i end, '00:00'::time + i * interval '1 second',
    '12:00+05:30', '2000-01-01'::timestamp + i * interval '1 hour', case when i % 50 = 0 then '-infinity' else '2000-01-01'::timestamptz + i * interval '1 hour' end,
    make_interval(months => i, days => 2, secs => i) from generate_series(1, pg_temp.part(2)) i;
create table letters (id int primary key, t text, v varchar(40), bp char(9), ch "char", na name);
insert into letters select i, E'tab\there \\ "quoted" ü €', repeat('v', i % 40), 'ab', 'x', 'n' || i from generate_series(1, pg_temp.part(2)) i;
create table bytes (id int primary key, b bytea, bt bit(3), vb varbit(9));
insert into bytes select i, decode(md5(i::text), 'hex'), (i % 8)::bit(3), '101' from generate_series(1, pg_temp.part(2)) i;
create table network (id int primary key, i inet, c cidr, m macaddr, m8 macaddr8);
insert into network select i, '10.0.0.1'::inet + i, '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05' from generate_series(1, pg_temp.part(1)) i;
create table shape (id int primary key, p point, l line, s lseg, b box, pa path, po polygon, c circle);
insert into shape select i, point(i, 1), '{1,2,3}', '((0,0),(1,1))', box(point(0, 0), point(i, i)), '((0,0),(1,1))', '((0,0),(1,1),(1,0))', circle(point(0, 0), i)
    from generate_series(1, pg_temp.part(1)) i;
create table words (id int primary key, v tsvector, q tsquery);
insert into words select i, to_tsvector('simple', 'a b ' || i), 'a & b' from generate_series(1, pg_temp.part(1)) i;
create table arrays (id int primary key, a int[], aa text[][], m mood[], p positive[], d date[]);
insert into arrays select i, array[i, null, -i], array[['a', 'b'], ['c', i::text]], '{sad,NULL,"it''s fine"}', array[1, i]::positive[], array['2024-01-01'::date + i % 99]
    from generate_series(1, pg_temp.part(1)) i;
create table ranges (id int primary key, i int4range, n numrange, d daterange, s span, mi int4multirange, ms datemultirange, exclude using gist (i with &&));
insert into ranges select i, int4range(i * 10, i * 10 + 5), numrange(i, null), 'empty', span(i, i + 0.5, '[]'), int4multirange(int4range(i, i + 2)), '{}'
    from generate_series(1, pg_temp.part(1)) i;
create table composite (id int primary key, s size, ss size[], p positive);
insert into composite select i, (i, 1.5, 'l')::size, array[(1, 2, 'x')::size, null], i from generate_series(1, pg_temp.part(1)) i;
create table document (id int primary key, j json, jb jsonb);
insert into document select i, ('{"a" : ' || i || ', "a": 1}')::json, jsonb_build_object('k', i, 'deep', jsonb_build_object('x', array[i, null]))
    from generate_series(1, pg_temp.part(2)) i;
create table "text only" (id int, r regclass, rt regtype[], a aclitem, n text);
insert into "text only" select i, 'pg_class', '{integer,text}', 'postgres=r/postgres', E'a\tb\nc\\d' from generate_series(1, pg_temp.part(1)) i;

-- Kinds of tables.
create table "Other one"."T""able" ("Id" int primary key, "we ""ird" text);
insert into "Other one"."T""able" select i, 'v' || i from generate_series(1, pg_temp.part(1)) i;
create table wide (id int primary key, v text, w bytea);
alter table wide alter v set storage external;
insert into wide select i, repeat(md5(i::text), 3000), decode(repeat(md5(i::text), 100), 'hex') from generate_series(1, 9 + pg_temp.part(0.01)) i;
do $$ begin execute 'create table hundred (id int primary key, ' || (select string_agg(format('c%s int default %s', i, i), ', ') from generate_series(1, 100) i) || ')'; end $$;
insert into hundred (id) select i from generate_series(1, pg_temp.part(1)) i;
create table log (line text, at int);
insert into log select 'line ' || i % 7, i % 3 from generate_series(1, pg_temp.part(4)) i;
create table heap_only (a int, b text);
insert into heap_only select i, 'b' || i from generate_series(1, pg_temp.part(2)) i;
create unlogged table fleeting (id int primary key, v text);
insert into fleeting select i, 'f' from generate_series(1, pg_temp.part(1)) i;
create table guarded (id int primary key, owner text);
alter table guarded enable row level security; alter table guarded force row level security;
create policy mine on guarded using (owner = current_user);
insert into guarded select i, 'somebody' from generate_series(1, pg_temp.part(1)) i;
create table mother (id int primary key, a text);
create table daughter (b text, primary key (id)) inherits (mother);
insert into mother select i, 'm' from generate_series(1, pg_temp.part(1)) i;
insert into daughter select i, 'd', 'b' from generate_series(1, pg_temp.part(1)) i;
create table computed (id int generated by default as identity (start with 10 increment by 5) primary key, a int, twice int generated always as (a * 2) stored);
insert into computed (a) select i from generate_series(1, pg_temp.part(1)) i;
create table nothing ();
insert into nothing default values;
create table empty (id int primary key, note text);
create table dropped (gone int, id int primary key, also_gone text, kept text);
alter table dropped drop column gone, drop column also_gone;
insert into dropped select i, 'k' || i from generate_series(1, pg_temp.part(1)) i;
create table scan (id int primary key, body oid);
insert into scan select i, lo_from_bytea(0, decode(repeat(md5(i::text), 1 + i % 50), 'hex')) from generate_series(1, least(2000, pg_temp.part(1))) i;
insert into scan select -1, lo_from_bytea(0, decode(repeat(md5('long'), 200000), 'hex'));
create table audit (id bigint generated always as identity primary key, what text);
create function note_change() returns trigger language plpgsql as $$ begin insert into public.audit (what) values (tg_op); return new; end $$;
create trigger noted after update on city for each row execute function note_change();
create statistics product_statistics on name, price from product;
create materialized view totals as select payer, sum(amount) as total from line group by payer;
create unique index on totals (payer);
create materialized view orders_by_state as select state, count(*) from "order" group by state;
create view richest as select id, balance from account order by balance desc limit 10;
