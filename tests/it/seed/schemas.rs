//! Schemas that make loads hard.

use super::stage::{HARD, Stage, digests};

#[test]
fn a_hard_schema_is_filled_and_stays_as_it_was() {
    let stage = Stage::new(HARD);
    stage.project.tidegate(["migrate", "status"]).ok();
    let before = stage.schema();
    let data = stage.run(["--rows", "500", "--seed", "7", "--chunk-rows", "100"]);
    assert_eq!(stage.schema(), before);
    for (table, rows, digest) in digests(&data) {
        let count: i64 = stage
            .database
            .value(&format!("select count(*) from {table}"));
        assert_eq!(count, rows.cast_signed(), "{table}");
        assert_eq!(digest.len(), 32);
    }
    // The trigger that is on was off, the sequence and the materialized view are behind the rows.
    let of_trigger: i64 = stage
        .database
        .value("select count(*) from log where what = 'INSERT'");
    assert_eq!(of_trigger, 0);
    stage
        .database
        .execute("insert into team (name) values ('the newest')");
    stage
        .database
        .execute("insert into person (team_id, email) select id, 'a new one' from team limit 1");
    let of_trigger: i64 = stage
        .database
        .value("select count(*) from log where what = 'INSERT'");
    assert_eq!(of_trigger, 1);
    let seen: i64 = stage.database.value("select sum(count)::bigint from moods");
    assert_eq!(seen, 500);
    stage.prove();
}

#[test]
fn workers_and_ranges_do_not_change_a_row() {
    let one = Stage::new(HARD);
    let eight = Stage::new(HARD);
    let first = one.run(["--rows", "700", "--seed", "3", "--workers", "1"]);
    let second = eight.run([
        "--rows",
        "700",
        "--seed",
        "3",
        "--workers",
        "8",
        "--chunk-rows",
        "64",
    ]);
    assert_eq!(digests(&first), digests(&second));
    let all = "select md5(string_agg(p::text, ';' order by id)) from person p";
    assert_eq!(one.database.rows(all), eight.database.rows(all));
    let other = Stage::new(HARD).run(["--rows", "700", "--seed", "4"]);
    assert_ne!(digests(&first), digests(&other));
}

#[test]
fn every_partition_gets_rows() {
    let stage = Stage::new(HARD);
    stage.run(["--rows", "400"]);
    let rows = stage
        .database
        .rows("select tableoid::regclass::text, count(*) > 0 from visit group by 1 order by 1");
    assert_eq!(rows, ["visit_new|t", "visit_old|t"]);
}

#[test]
fn the_shop_is_filled_by_its_spec() {
    let stage = Stage::new(include_str!(
        "../../../fixtures/shop/migrations/0001_shop.sql"
    ));
    stage.project.write(
        "seeds/shop.toml",
        include_str!("../../../fixtures/shop/seeds/shop.toml"),
    );
    let page = stage.cli(["plan"]).ok().stdout;
    assert!(page.contains("users"), "{page}");
    let data = stage.run([]);
    for (table, rows, _) in digests(&data) {
        let count = stage
            .database
            .value::<i64>(&format!("select count(*) from {table}"));
        assert_eq!(rows.cast_signed(), count, "{table}");
    }
    stage.prove();
}

#[test]
fn rows_are_added_to_what_is_there() {
    let stage = Stage::new(
        "create table a (id int primary key, code text not null unique);
        create table b (id int primary key, a_id int not null references a)",
    );
    stage.run(["--rows", "50", "--seed", "1"]);
    stage.run(["--rows", "50", "--seed", "1", "--extend"]);
    assert_eq!(
        stage
            .database
            .rows("select (select count(*) from a), (select count(*) from b)"),
        ["100|100"]
    );
    let once = Stage::new(
        "create table a (id int primary key, code text not null unique);
        create table b (id int primary key, a_id int not null references a)",
    );
    once.run(["--rows", "100", "--seed", "1"]);
    let all = "select count(*), count(distinct code) from a";
    assert_eq!(stage.database.rows(all), once.database.rows(all));
    stage.prove();
}

/// The digests of a seed are written down: every version of PostgreSQL, every machine and every
/// release gives them, until `SeedPlan::VERSION` says that a seed gives other rows.
#[test]
fn a_seed_gives_the_same_rows_on_every_version_of_postgresql() {
    let stage = Stage::new(&format!("{HARD}; {TYPES}"));
    let args = ["--rows", "250", "--seed", "11", "--today", "2026-01-01"];
    let found = digests(&stage.run(args));
    let mut lines: Vec<String> = found
        .iter()
        .map(|(t, rows, sum)| format!("{t} {rows} {sum}"))
        .collect();
    // The server has the same rows, not only the client.
    lines.extend(
        stage
            .database
            .rows("select 'server ' || md5(string_agg(t::text, ';' order by id)) from kinds t"),
    );
    insta::assert_snapshot!(lines.join("\n"));
    stage.prove();
}

/// A column of most types.
const TYPES: &str = "
create domain percent as numeric(5, 2) check (value between 0 and 100);
create type address as (street text, number int);
create table kinds (
    id bigserial primary key, a smallint not null, b numeric, c numeric(12, 4), d real, e double precision, f money,
    g time, h timetz, i interval, j timestamp, k json, l jsonb, m uuid, n bytea, o inet, p cidr, q macaddr, r text[],
    s int[], t int4range, u tstzrange, v daterange, w bit(8), x point, y percent, z address, aa tsvector, ab xml,
    ac mood[], ad char(4), ae \"char\", af name, ag box, ah circle, ai path, aj polygon,
    ak text generated always as (ad || '!') stored);
";

const PEOPLE: &str = "
create type sex as enum ('Female', 'Male', 'X');
create table people (
    id int primary key, first_name text not null, last_name text not null, gender char(1) check (gender in ('m', 'f', 'd')),
    sex sex not null, salutation text, full_name text not null, user_name text not null, email text not null unique,
    billing_city text not null, billing_zip varchar(12) not null, billing_state text not null, billing_country_code char(2) not null,
    city text not null, postal_code text not null, country text not null,
    created_at timestamptz not null, updated_at timestamptz not null, start_date date not null, end_date date not null)";

/// Each row is checked against itself, and against what its words mean elsewhere.
#[test]
fn what_a_row_says_agrees() {
    let stage = Stage::new(PEOPLE);
    stage.run(["--rows", "3000", "--seed", "11"]);
    let broken = |condition: &str| -> i64 {
        let sql = format!("select count(*) from people where {condition}");
        stage.database.value(&sql)
    };
    for condition in [
        "full_name <> first_name || ' ' || last_name",
        "email not like lower(first_name) || '.%'",
        "user_name not like lower(first_name) || '.%'",
        "gender = 'f' and sex = 'Male' or gender = 'm' and sex = 'Female'",
        "salutation = 'Mr.' and sex = 'Female' or salutation = 'Ms.' and sex = 'Male'",
        "updated_at < created_at or end_date < start_date",
    ] {
        assert_eq!(broken(condition), 0, "{condition}");
    }
    assert!(broken("sex = 'Male'") > 1000 && broken("sex = 'Female'") > 1000);
    assert!(broken("sex = 'X'") > 10);
    for (one, many) in [
        ("first_name", "sex"),
        ("billing_city, billing_country_code", "billing_zip"),
        ("billing_zip, billing_city", "billing_country_code"),
        ("billing_city, billing_zip", "billing_state"),
        ("city, postal_code", "country"),
    ] {
        let sql = format!(
            "select count(*) from (select {one} from people where sex <> 'X' group by {one} \
             having count(distinct {many}) > 1) s"
        );
        assert_eq!(stage.database.value::<i64>(&sql), 0, "{one} and {many}");
    }
    let places = "select count(distinct (billing_country_code, city)) from people";
    assert!(stage.database.value::<i64>(places) > 100);
    stage.prove();
}

#[test]
fn a_column_more_changes_no_other() {
    let all = "select md5(string_agg(format('%s %s %s %s %s', id, first_name, gender, billing_city, country), ';' order by id)) from people";
    let one = Stage::new(PEOPLE);
    one.run(["--rows", "500", "--seed", "11"]);
    let more = Stage::new(PEOPLE);
    more.database.execute(
        "alter table people add billing_country text, add birth_place text, add title text, add county text, add nick text",
    );
    more.run(["--rows", "500", "--seed", "11"]);
    assert_eq!(one.database.rows(all), more.database.rows(all));
}

/// A key's values hang on its own columns: neither another unique column nor other names of constraints
/// change them.
#[test]
fn a_unique_column_more_changes_no_other() {
    let tables = "create table p (id serial primary key, email text unique, k uuid unique, n int constraint n_once unique, v int);
        create table c (id serial primary key, p_id int not null references p, line int not null, unique (p_id, line))";
    let more = tables
        .replace("email text", "aaa text unique, email text")
        .replace("n_once", "n_only")
        .replace(
            "unique (p_id, line)",
            "code text not null unique, constraint pairs unique (p_id, line)",
        );
    let rows = |tables: &str| {
        let stage = Stage::new(tables);
        stage.run(["--rows", "300", "--seed", "4"]);
        stage.prove();
        stage.database.rows(
            "select md5(string_agg(format('%s %s %s %s %s', id, email, k, n, v), ';' order by id)),
             (select md5(string_agg(format('%s %s %s', id, p_id, line), ';' order by id)) from c) from p",
        )
    };
    assert_eq!(rows(tables), rows(&more));
}
