//! What is unique in part, by expressions, or without regard to letter case; keys that others took.

use super::stage::Stage;
use crate::support::Database;

#[test]
fn a_partial_index_takes_no_room_from_rows_outside_it() {
    let stage = Stage::new(
        "create table tenant (id int primary key);
         create table person (id serial primary key, tenant_id int not null references tenant, role text not null check (role in ('owner', 'admin', 'member')));
         create unique index on person (tenant_id) where role = 'owner';
         create table job (id serial primary key, state text not null check (state in ('queued', 'running', 'done')));
         create unique index on job (state) where state = 'running';
         create table mail (id serial primary key, address text not null, deleted_at timestamptz);
         create unique index on mail (address) where deleted_at is null",
    );
    stage.project.write(
        "seeds/a.toml",
        "version = 1\n[tables.tenant]\nrows = 20\n[tables.person]\nrows = 500\n",
    );
    let data = stage.run(["--rows", "300"]);
    let counts = "select (select count(*) from person), (select count(*) from job), (select count(distinct state) from job), (select count(*) from mail)";
    assert_eq!(stage.database.rows(counts), ["500|300|2|300"]);
    let notes = data["notes"].to_string();
    assert!(notes.contains("person_tenant_id_idx"), "{notes}");
    stage.prove();
}

#[test]
fn expressions_and_generated_columns_are_parts_of_a_key() {
    let stage = Stage::new(
        "create table page (id serial primary key, active boolean not null, url text not null);
         create unique index page_u on page (active, md5(url));
         create table tag (id serial primary key, kind text not null check (kind in ('a', 'b', 'c')), name text not null,
            slug text generated always as (lower(replace(name, ' ', '-'))) stored, unique (kind, slug));
         create table node (id serial primary key, kind boolean not null, parent int, unique (kind, parent));
         create unique index on node (kind, coalesce(parent, 0))",
    );
    stage.run(["--rows", "400"]);
    let counts = "select (select count(*) from page), (select count(*) from tag), (select count(*) from node)";
    assert_eq!(stage.database.rows(counts), ["400|400|400"]);
    stage.prove();
}

#[test]
fn letter_case_alone_makes_no_difference_where_it_must_not() {
    let stage = Stage::new(
        "create extension citext;
         create table t (id serial primary key, code text not null check (code ~ '^[A-Za-z0-9]{4}$'));
         create unique index on t (lower(code));
         create table site (id serial primary key, slug citext not null unique check (slug ~ '^[a-z][a-z0-9-]{2,30}$'))",
    );
    let data = stage.run(["--rows", "8000"]);
    assert_eq!(data["notes"], serde_json::json!([]), "{data}");
    stage.prove();
}

#[test]
fn keys_that_an_application_took_are_named_before_the_first_row() {
    let stage = Stage::new(
        "create table p (id serial primary key, email text not null unique);
         create table c (id serial primary key, p int not null references p)",
    );
    stage.run(["--rows", "100"]);
    stage
        .database
        .execute("insert into p (email) select i || '@mine' from generate_series(1, 5) i");
    let before = stage.schema();
    let error = stage
        .cli(["run", "--rows", "100", "--extend", "--format", "json"])
        .exits(2)
        .error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("p.id: a row with 105 is there"),
        "{message}"
    );
    assert_eq!(stage.schema(), before);
    assert_eq!(stage.database.value::<i64>("select count(*) from c"), 100);
}

/// Names with numbers are unique by their numbers, of which there are ten times as many for more rows.
#[test]
fn rows_are_added_across_a_power_of_ten() {
    let stage = Stage::new(
        "create table users (id serial primary key, email text not null unique, first_name text, last_name text)",
    );
    stage.run(["--rows", "300"]);
    stage.run(["--rows", "300", "--extend"]);
    stage.run(["--rows", "600", "--extend"]);
    let seen = "select count(*), count(distinct email), max(id) from users";
    assert_eq!(stage.database.rows(seen), ["1200|1200|1200"]);
    stage.prove();
}

#[test]
fn intervals_keep_no_less_than_their_fields() {
    let stage = Stage::new(
        "create table t (id serial primary key, months interval year to month not null unique, hours interval hour not null unique,
            days interval day not null unique, minutes interval day to minute not null unique, list interval month[] not null)",
    );
    stage.run(["--rows", "500"]);
    assert_eq!(stage.database.rows("select count(*) from t"), ["500"]);
    stage.prove();
}

/// Dates without end, years of five digits, parts of different signs: keys as a table has them.
#[test]
fn rows_refer_to_every_key_that_is_there() {
    let stage = Stage::new(
        "create table d (k date primary key);
         insert into d values ('infinity'), ('-infinity'), ('12026-01-01'), ('0044-03-15 BC'), ('2026-01-01');
         create table s (k timestamptz primary key);
         insert into s values ('infinity'), ('12026-01-01 10:00:00.5+00'), ('0044-03-15 00:00:00+00 BC'), ('2026-01-01 00:00:00+02');
         create table i (k interval primary key);
         insert into i values ('1 mon -1 days +00:00:01'), ('-04:00:00'), ('400:00:00');
         create table h (k time primary key, z timetz not null unique, m money not null unique);
         insert into h values ('24:00', '24:00+00', '-1234.50');
         create table c (id serial primary key, d date not null references d, s timestamptz not null references s, i interval not null references i,
            h time not null references h);
         create table f (id serial primary key, z timetz not null references h (z), m money not null references h (m));
         create table n (k numeric primary key); insert into n values ('NaN');
         create table e (id serial primary key, n numeric not null references n)",
    );
    stage.run(["--rows", "100", "--table", "c"]);
    let seen = "select count(*), count(distinct d), count(distinct s), count(distinct i), count(distinct h) from c";
    assert_eq!(stage.database.rows(seen), ["100|5|4|3|1"]);
    stage.run(["--rows", "100", "--table", "f"]);
    let seen = "select count(*), min(z), max(m)::numeric from f";
    assert_eq!(stage.database.rows(seen), ["100|24:00:00+00|-1234.50"]);
    let error = stage
        .cli(["run", "--rows", "10", "--table", "e", "--format", "json"])
        .exits(2)
        .error();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("n.k: "), "{message}");
}

/// Rows refer to parents that are there and whose key may be null; the parents' index calls a function
/// that finds its own objects by the search path alone.
#[test]
fn parents_that_are_there_are_read_as_they_are() {
    let database = Database::new();
    database.execute(
        "create table words (w text); create function inner_one(text) returns text language sql immutable as 'select upper($1)';
         create function outer_one(text) returns text language sql immutable as 'select inner_one($1)';
         create table p (id serial primary key, code text unique);
         insert into p (code) select case when i % 2 = 0 then 'k' || i end from generate_series(1, 20) i;
         create table c (id serial primary key, code text references p (code))",
    );
    // Since 17 the server itself makes no index over a function that finds another by the search path.
    if database.server().major < 17 {
        database.execute("create index on p (outer_one(code))");
    }
    let stage = Stage::of(database);
    stage.run(["--rows", "50", "--table", "c"]);
    let seen = "select count(*) > 20, count(distinct code) from c where code is not null";
    assert_eq!(stage.database.rows(seen), ["t|10"]);
}

#[test]
fn no_template_is_saved_of_a_database_without_its_constraints() {
    let stage = Stage::new("create table a (id int primary key)");
    stage.run(["--rows", "5"]);
    stage
        .database
        .execute("update tidegate.seed_run set state = 'loaded', finished_at = null");
    let error = stage
        .cli(["template", "save", "--format", "json"])
        .exits(4)
        .error();
    assert_eq!(error["code"], "TG0903", "{error}");
    let plan = stage.cli(["plan", "--table", "a"]).data();
    let notes = plan["notes"].to_string();
    assert!(notes.contains("is unfinished"), "{notes}");
}

/// A unique index over a constant is how a table is held to one row.
#[test]
fn a_table_of_one_row_gets_one() {
    let stage = Stage::new(
        "create table settings (id serial primary key, v text not null, theme text); create unique index one_row on settings ((true));
         create table t (id serial primary key, settings_id int not null references settings, v text)",
    );
    let data = stage.run(["--rows", "100"]);
    let counts = "select (select count(*) from settings), (select count(*) from t)";
    assert_eq!(stage.database.rows(counts), ["1|100"]);
    assert!(data["notes"].to_string().contains("one_row"), "{data}");
    stage.prove();
}

/// What an application inserts next takes the number behind the last.
#[test]
fn numbers_stay_within_the_bounds_of_their_sequence() {
    let stage = Stage::new(
        "create sequence few maxvalue 100;
         create table c (id int primary key default nextval('few'), t text);
         create table late (id int generated always as identity (start with 1000 increment by 10) primary key);
         create table low (id int generated by default as identity primary key check (id < 11))",
    );
    let data = stage.run(["--rows", "300"]);
    let counts = "select (select count(*) || ' ' || min(id) || ' ' || max(id) from c),
        (select count(*) || ' ' || min(id) || ' ' || max(id) from late),
        (select count(*) || ' ' || min(id) || ' ' || max(id) from low)";
    assert_eq!(
        stage.database.rows(counts),
        ["100 1 100|300 1000 3990|10 1 10"]
    );
    let notes = data["notes"].to_string();
    assert!(notes.contains("c: 100 rows"), "{notes}");
    stage.database.execute("insert into late default values");
    assert_eq!(
        stage.database.value::<i32>("select max(id) from late"),
        4000
    );
    stage
        .project
        .write("seeds/a.toml", "version = 1\n[tables.c]\nrows = 500\n");
    let error = stage.cli(["plan", "--format", "json"]).exits(2).error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("room for 100 rows, not for 500"),
        "{message}"
    );
}

/// A column whose values are few and all allowed by a check needs no second try, which would take another
/// e-mail address.
#[test]
fn rows_are_added_where_names_agree_with_a_gender() {
    let stage = Stage::new(
        "create table u (id int primary key, email text unique not null, first_name text,
            gender text check (gender in ('male', 'female')))",
    );
    stage.run(["--rows", "1000"]);
    stage.run(["--rows", "500", "--extend"]);
    assert_eq!(stage.database.value::<i64>("select count(*) from u"), 1500);
    stage.prove();
}
