//! Profiles: learned without a value, reproduced, compared.

use std::collections::HashSet;

use serde_json::Value;

use super::stage::Stage;

const SCHEMA: &str = "
create type tier as enum ('free', 'paid', 'gold');
create table customers (
    id bigint generated always as identity primary key, full_name text not null, email text not null unique,
    phone text, card text, tier tier not null, state text not null, code text not null, spent numeric(12, 2) not null,
    visits int not null check (visits >= 0), created_at timestamptz not null, updated_at timestamptz not null, born date);
create table orders (
    id bigint generated always as identity primary key, customer_id bigint not null references customers,
    total numeric(10, 2), status text not null, placed date not null, shipped date);
";

/// Skewed rows, and values of persons where nobody expects them: alone, and as often as a category.
const ROWS: &str = "
create function pg_temp.luhn(base text) returns text immutable language sql as $$
    select base || (10 - sum(case when n % 2 = 1 then d * 2 / 10 + d * 2 % 10 else d end) % 10) % 10
    from generate_series(1, 15) n cross join lateral (select substr(base, n, 1)::int as d) x $$;
select setseed(0.42);
insert into customers (full_name, email, phone, card, tier, state, code, spent, visits, created_at, updated_at, born)
select 'Wilhelmina Quarterstaff' || chr(97 + i % 26) || chr(97 + i / 26 % 26), 'w.quarterstaff' || i || '@corp.example',
    '+4930901' || lpad(i::text, 6, '0'), pg_temp.luhn('41111111' || lpad(i::text, 7, '0')),
    (case when random() < 0.7 then 'free' when random() < 0.8 then 'paid' else 'gold' end)::tier,
    case when i <= 3 then 'rare' || i || '@corp.example' when i <= 60 then 'olga.planted@corp.example'
        when i <= 120 then 'Boudewijn Planted' when random() < 0.8 then 'active' else 'closed' end,
    chr(65 + i % 26) || 'QX-' || lpad((i * 37 % 10000)::text, 4, '0'),
    round(exp(4 + random() * 3)::numeric, 2), floor(-ln(1 - random()) * 5)::int, t, t + random() * interval '40 days',
    date '1940-01-01' + (random() * 25000)::int
from (select i, timestamptz '2021-01-01' + random() * random() * interval '1400 days' as t from generate_series(1, 4000) i) s;
insert into orders (customer_id, total, status, placed, shipped)
select c.id, case when random() < 0.2 then null else round((5 + random() * random() * 400)::numeric, 2) end,
    case when c.id between 61 and 100 then '4111111111111111' when random() < 0.5 then 'paid' when random() < 0.7 then 'open' else 'refunded' end,
    d, case when random() < 0.7 then d + (random() * 9)::int end
from customers c cross join lateral generate_series(1, (c.id * 7919 % 6)::int) n
cross join lateral (select date '2024-01-01' + (random() * 300)::int as d where n > 0) x;
";

fn learned(stage: &Stage) -> (std::path::PathBuf, String) {
    let data = stage.cli(["profile", "source"]).data();
    let file = stage.project.path().join("seeds/source.profile.json");
    assert!(
        data["file"]
            .as_str()
            .unwrap()
            .ends_with("source.profile.json")
    );
    let text = std::fs::read_to_string(&file).unwrap();
    (file, text)
}

/// Every e-mail address, name, telephone and card number of the source, and what was planted.
fn values(stage: &Stage) -> Vec<String> {
    stage.database.rows(
        "select unnest(array[full_name, email, phone, card]) from customers union select state from customers where state ~ '[@ ]'
         union select status from orders where status ~ '^[0-9]'",
    )
}

#[test]
fn a_profile_holds_no_value_of_a_person_and_is_reproduced() {
    let source = Stage::new(SCHEMA);
    source.database.execute(ROWS);
    let (file, text) = learned(&source);
    let values = values(&source);
    assert!(values.len() > 9000);
    for value in &values {
        assert!(!text.contains(value.as_str()), "the profile holds {value}");
    }
    let profile: Value = serde_json::from_str(&text).unwrap();
    let customers = &profile["tables"]["customers"];
    assert_eq!(customers["columns"]["email"]["personal"], "email");
    let spent = &customers["columns"]["spent"]["values"]["histogram"]["buckets"];
    assert!(spent.as_array().unwrap().len() > 20, "{spent}");
    assert!(text.contains("\"refunded\"") && text.contains("\"AAA-9999\""));

    let seeded = Stage::new(SCHEMA);
    let path = file.to_str().unwrap();
    let data = seeded.run(["--profile", path, "--seed", "3"]);
    seeded.prove();
    let rows = |stage: &Stage, table: &str| -> f64 {
        stage
            .database
            .value::<i64>(&format!("select count(*) from {table}")) as f64
    };
    for table in ["customers", "orders"] {
        let ratio = rows(&seeded, table) / rows(&source, table);
        assert!((ratio - 1.0).abs() < 0.05, "{table}: {ratio}, {data}");
    }
    let all = seeded
        .database
        .rows("select c::text from customers c union all select o::text from orders o");
    let fields: HashSet<&str> = all
        .iter()
        .flat_map(|row| row.split(['(', ')', ',', '"']))
        .collect();
    for value in &values {
        assert!(
            !fields.contains(value.as_str()),
            "the seeded database holds {value}"
        );
    }
    let compared = seeded
        .cli(["profile", "--compare", path, "--format", "json"])
        .run();
    assert_eq!(compared.code(), Some(0), "{}", compared.stdout);
    let ordered = "select count(*) filter (where updated_at < created_at) from customers";
    assert_eq!(seeded.database.value::<i64>(ordered), 0);
    let before = "select count(*) filter (where shipped < placed) from orders";
    assert_eq!(seeded.database.value::<i64>(before), 0);
    // Another spread is seen.
    seeded
        .database
        .execute("update orders set total = total * 3");
    let compared = seeded
        .cli(["profile", "--compare", path, "--format", "json"])
        .exits(3);
    let columns = compared.json()["data"]["columns"].take();
    let differing: Vec<_> = columns
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["alike"] == false)
        .collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(differing[0]["column"], "total");

    let larger = Stage::new(SCHEMA);
    larger.run(["--profile", path, "--scale", "2"]);
    let ratio = rows(&larger, "orders") / rows(&source, "orders");
    assert!((ratio - 2.0).abs() < 0.1, "{ratio}");
}

/// The search of a profile is shown what it must find.
#[test]
fn a_value_that_got_into_a_profile_is_found() {
    let source = Stage::new(SCHEMA);
    source
        .database
        .execute(&ROWS.replace("generate_series(1, 4000)", "generate_series(1, 1200)"));
    let (file, text) = learned(&source);
    let path = file.to_str().unwrap();
    source.cli(["profile", "--check", path]).ok();
    let planted = [
        source
            .database
            .rows("select email from customers where id = 17")
            .remove(0),
        source
            .database
            .rows("select full_name from customers where id = 18")
            .remove(0),
        source
            .database
            .rows("select card from customers where id = 19")
            .remove(0),
        "4111 1111 1111 1111".to_owned(),
        "somebody.else@corp.example".to_owned(),
    ];
    for value in planted {
        let told = text.replacen("\"refunded\"", &format!("\"{value}\""), 1);
        assert_ne!(told, text);
        std::fs::write(&file, told).unwrap();
        let outcome = source
            .cli(["profile", "--check", path, "--format", "json"])
            .exits(3);
        assert_eq!(outcome.error()["code"], "TG0906", "{value}");
        assert!(
            !outcome.stderr.contains(&value),
            "the message tells the value"
        );
        assert!(
            outcome
                .stderr
                .contains("what is told of orders.status, line"),
            "{}",
            outcome.stderr
        );
    }
    // As the name of a table or a column, too.
    let named = text.replacen("\"orders\": {", "\"w.quarterstaff77@corp.example\": {", 1);
    assert_ne!(named, text);
    std::fs::write(&file, named).unwrap();
    let outcome = source.cli(["profile", "--check", path]).exits(3);
    assert!(
        !outcome.stderr.contains("quarterstaff77"),
        "{}",
        outcome.stderr
    );
    // A file that is there is not replaced without a word.
    source.cli(["profile", "source"]).exits(2);
    source.cli(["profile", "source", "--yes"]).ok();
}

/// Who reads personal data is on record, before it is read.
#[test]
fn m14_a_profile_is_in_the_audit_log() {
    let stage = Stage::new(SCHEMA);
    // Where Tidegate has no schema of its own, a profile makes none, and says so.
    let outcome = stage.cli(["profile", "bare"]).ok();
    assert!(
        outcome
            .stdout
            .contains("nothing there says that it was read"),
        "{}",
        outcome.stdout
    );
    let schema = "select count(*) from pg_namespace where nspname = 'tidegate'";
    assert_eq!(stage.database.rows(schema), ["0"]);
    stage.cli(["run", "--abandon"]).ok();
    let data = stage.cli(["profile", "logged"]).data();
    assert_eq!(data["recorded"], true, "{data}");
    let file = stage.project.path().join("seeds/logged.profile.json");
    let path = file.to_str().unwrap();
    stage.cli(["profile", "--compare", path]).run();
    stage.cli(["profile", "--check", path]).ok();
    let log = "select environment, detail->>'for', detail->>'database' = current_database(), length(actor) > 0, at is not null
        from tidegate.audit where action = 'seed.profile' order by seq";
    assert_eq!(
        stage.database.rows(log),
        ["dev|learn|t|t|t", "dev|compare|t|t|t", "dev|check|t|t|t"]
    );
    // Whoever cannot be recorded does not read.
    stage.database.execute("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
        create trigger refuse before insert on tidegate.audit for each row execute function refuse()");
    let outcome = stage.cli(["profile", "secret"]).run();
    assert_ne!(outcome.code(), Some(0));
    assert!(
        !stage
            .project
            .path()
            .join("seeds/secret.profile.json")
            .exists()
    );
}

const TOGETHER: &str = "
create table sale (
    id bigint generated always as identity primary key, income numeric(10, 2) not null, spent numeric(10, 2), visits int not null,
    joined date not null, region text not null, product text not null, colour text not null, paid boolean not null);
select setseed(0.7);
insert into sale (income, spent, visits, joined, region, product, colour, paid)
select round((exp(7 + z) / 10)::numeric, 2), case when random() < 0.9 then round((exp(5 + z * 0.8 + random() * 1.2))::numeric, 2) end,
    greatest(0, 20 - (z * 6 + random() * 10)::int), date '2020-01-01' + (500 + z * 100 + random() * 400)::int, region,
    case when random() < 0.85 then case region when 'north' then 'ski' when 'south' then 'sail' else 'bike' end else 'book' end,
    (array['red', 'green', 'blue'])[1 + (random() * 2)::int], random() < case region when 'north' then 0.9 else 0.3 end
from (select random() + random() + random() - 1.5 as z,
    (array['north', 'south', 'east'])[1 + floor(random() * 3)::int] as region from generate_series(1, 6000)) s;
";

/// Spearman's correlations, and the strongest pairs of categories.
const RELATED: &str = "
with r as (select rank() over (order by income) i, rank() over (order by spent) s, rank() over (order by visits) v,
    rank() over (order by joined) j, spent from sale)
select round(corr(i, s) filter (where spent is not null)::numeric, 2), round(corr(i, v)::numeric, 2), round(corr(i, j)::numeric, 2),
    (select round(avg((product = 'ski')::int), 2) from sale where region = 'north'),
    (select round(avg((product = 'ski')::int), 2) from sale where region = 'south'),
    (select round(avg(paid::int), 2) from sale where region = 'north') from r";

/// The same values, those of two columns in other rows.
const SHUFFLED: &str = "update sale set spent = o.spent, paid = o.paid from (select a.id, b.spent, b.paid from
            (select id, row_number() over (order by id) n from sale) a
            join (select spent, paid, row_number() over (order by md5(id::text)) n from sale) b using (n)) o where o.id = sale.id";

fn related(stage: &Stage) -> Vec<f64> {
    let row = stage.database.rows(RELATED).remove(0);
    row.split('|')
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn columns_that_go_together_do_so_in_the_seeded_rows() {
    let source = Stage::new(TOGETHER);
    let (file, text) = learned(&source);
    let path = file.to_str().unwrap();
    let profile: Value = serde_json::from_str(&text).unwrap();
    let sale = &profile["tables"]["sale"];
    let ranks = sale["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), 6, "{ranks:?}");
    assert_eq!(sale["given"]["product"]["column"], "region", "{sale}");
    assert_eq!(sale["given"]["paid"]["column"], "region", "{sale}");
    assert!(sale["given"].get("colour").is_none(), "{sale}");
    let wanted = related(&source);
    assert!(
        wanted[0] > 0.6 && wanted[1] < -0.6 && wanted[3] > 0.8 && wanted[4] < 0.05,
        "{wanted:?}"
    );
    let schema = TOGETHER.split("select setseed").next().unwrap();
    let seeded = Stage::new(schema);
    let data = seeded.run(["--profile", path, "--seed", "3"]);
    let found = related(&seeded);
    for (wanted, found) in wanted.iter().zip(&found) {
        assert!((wanted - found).abs() < 0.07, "{wanted} {found}");
    }
    let again = Stage::new(schema);
    let other = again.run([
        "--profile",
        path,
        "--seed",
        "3",
        "--workers",
        "7",
        "--chunk-rows",
        "100",
    ]);
    assert_eq!(super::stage::digests(&data), super::stage::digests(&other));
    let compared = seeded.cli(["profile", "--compare", path]).data();
    assert_eq!(compared["alike"], true, "{compared}");
    let of = |data: &Value, measure: &str| {
        let columns = data["columns"].as_array().unwrap().iter();
        columns
            .filter(|column| column["measure"] == measure)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&compared, "rank_correlation").len(), 6, "{compared}");
    assert_eq!(of(&compared, "contingency").len(), 2, "{compared}");
    // The same values in other rows: each column is as it was, and the pairs are not.
    seeded.database.execute(SHUFFLED);
    let outcome = seeded
        .cli(["profile", "--compare", path, "--format", "json"])
        .exits(3);
    let compared = outcome.json()["data"].take();
    let differs = compared["columns"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["alike"] == false);
    let mut differs: Vec<String> = differs
        .map(|c| c["column"].as_str().unwrap().to_owned())
        .collect();
    differs.sort();
    assert_eq!(
        differs,
        [
            "income and spent",
            "paid by region",
            "spent and joined",
            "spent and visits"
        ]
    );
}

const INDEXED: &str = "
create table shop (id int generated always as identity primary key, name text not null, opened date not null);
create table receipt (id bigint generated always as identity primary key, shop_id int not null references shop, at timestamptz not null, sum int not null);
create index receipt_at on receipt (at);
create index receipt_sum on receipt (sum);
";

const RECEIPTS: &str = "
insert into shop (name, opened) select 's' || i, date '2020-01-01' + i from generate_series(1, 300) i;
insert into receipt (shop_id, at, sum) select 1 + i % 300, timestamptz '2024-01-01 00:00+00' + i * interval '10 minutes', i % 900 from generate_series(1, 30000) i order by md5(i::text);
analyze;
";

/// The same queries on both sides: joins by keys, ranges by indexes. Nothing of them is judged.
#[test]
fn plans_of_queries_are_compared() {
    let source = Stage::new(INDEXED);
    source.database.execute(RECEIPTS);
    let (file, text) = learned(&source);
    let path = file.to_str().unwrap();
    let profile: Value = serde_json::from_str(&text).unwrap();
    let plans = profile["plans"].as_array().unwrap();
    assert_eq!(plans.len(), 3, "{plans:?}");
    let seeded = Stage::new(INDEXED);
    seeded.run(["--profile", path, "--seed", "3"]);
    let compared = |stage: &Stage| {
        let outcome = stage
            .cli(["profile", "--compare", path, "--format", "json"])
            .run();
        outcome.json()["data"]["plans"].as_array().unwrap().clone()
    };
    let same = compared(&seeded);
    assert!(same.iter().all(|plan| plan["same"] == true), "{same:?}");
    for plan in &same {
        let ratio = plan["rows_ratio"].as_f64().unwrap();
        assert!((0.7..=1.4).contains(&ratio), "{plan}");
    }
    // Without the index the range is another plan, and without the key there is none.
    seeded.database.execute("drop index receipt_at; alter table receipt drop constraint receipt_shop_id_fkey; delete from receipt where id % 2 = 0; analyze");
    let other = compared(&seeded);
    let of = |start: &str| {
        let found = other
            .iter()
            .find(|plan| plan["query"].as_str().unwrap().starts_with(start));
        found.unwrap().clone()
    };
    let range = of("receipt.at from 2024-");
    assert_eq!(range["same"], false, "{range}");
    assert_ne!(range["wanted"], range["found"], "{range}");
    assert!(
        (0.35..=0.7).contains(&range["rows_ratio"].as_f64().unwrap()),
        "{range}"
    );
    let join = of("receipt with what");
    assert_eq!(join["found"], serde_json::json!([]), "{join}");
    let page = seeded.cli(["profile", "--compare", path]).run().stdout;
    assert!(page.contains("1 of 3 queries have the same plan"), "{page}");
    // A profile from before there were plans is read.
    let mut old = profile.clone();
    old.as_object_mut().unwrap().remove("plans");
    std::fs::write(&file, old.to_string()).unwrap();
    assert!(compared(&source).is_empty());
}

/// As many children come back as there were: bounds are rounded, and few parents have many.
#[test]
fn a_profile_gives_as_many_children_as_it_saw() {
    let tables = "create table users (id serial primary key, name text not null); create table orders (id serial primary key, user_id int not null references users)";
    let source = Stage::new(tables);
    source.database.execute(
        "insert into users (name) select 'n' from generate_series(1, 3000);
         insert into orders (user_id) select u.id from users u cross join lateral generate_series(1, (6 * exp(1.4 * sin(u.id * 12.9898) * sin(u.id * 78.233)) + (u.id % 97 = 0)::int * 60)::int)",
    );
    let rows: i64 = source.database.value("select count(*) from orders");
    let (file, _) = learned(&source);
    let seeded = Stage::new(tables);
    let path = file.to_str().unwrap();
    seeded.run(["--profile", path]);
    let made: i64 = seeded.database.value("select count(*) from orders");
    let apart = (made - rows).abs() * 100 / rows;
    assert!(apart <= 4, "{made} of {rows}");
    let compared = seeded.cli(["profile", "--compare", path]).data();
    let columns = compared["columns"].as_array().unwrap().iter();
    let mut measured = columns.filter(|column| column["measure"] == "rows_by_parent");
    assert_eq!(measured.next().unwrap()["alike"], true, "{compared}");
    // Fewer children of the same parents are seen.
    seeded
        .database
        .execute("delete from orders where id % 5 = 0");
    let outcome = seeded
        .cli(["profile", "--compare", path, "--format", "json"])
        .run();
    assert_eq!(outcome.code(), Some(3), "{}", outcome.stdout);
}

/// Constraints of the target win over what was measured.
#[test]
fn what_constraints_forbid_gives_way() {
    let table = |checks: [&str; 3]| {
        let [at, state, n] = checks;
        format!(
            "create table e (id int primary key, at date not null {at}, state text not null {state}, n int not null {n})"
        )
    };
    let source = Stage::new(&table([""; 3]));
    source.database.execute(
        "insert into e select i, date '2023-01-01' + i % 300, (array['new', 'paid', 'void'])[1 + i % 3], i % 5000 from generate_series(1, 4000) i",
    );
    let (file, _) = learned(&source);
    let path = file.to_str().unwrap();
    for checks in [
        [
            "check (at > '2026-01-01')",
            "check (state in ('y', 'x'))",
            "check (n > 10000)",
        ],
        ["", "", "check (n < 100)"],
    ] {
        let seeded = Stage::new(&table(checks));
        seeded.run(["--profile", path, "--rows", "500"]);
        seeded.prove();
    }
}

/// Each parent has one row at most, and not the table.
#[test]
fn only_children_are_as_many_as_they_were() {
    let tables = "create table p (id serial primary key);
        create table o (id serial primary key, p int not null unique references p);
        create table q (p int primary key references p)";
    let source = Stage::new(tables);
    source.database.execute(
        "insert into p select from generate_series(1, 1000);
         insert into o (p) select generate_series(1, 700);
         insert into q (p) select generate_series(1, 1000)",
    );
    let (file, _) = learned(&source);
    let path = file.to_str().unwrap();
    let seeded = Stage::new(tables);
    seeded.run(["--profile", path]);
    let count = |table: &str| -> i64 {
        seeded
            .database
            .value(&format!("select count(*) from {table}"))
    };
    assert!((640..=760).contains(&count("o")), "{}", count("o"));
    assert!(count("q") >= 940, "{}", count("q"));
    seeded.prove();
    seeded.cli(["profile", "--compare", path]).data();
    // A table that is about empty is not like one that is not.
    seeded.database.execute("delete from o where p > 1");
    let outcome = seeded
        .cli(["profile", "--compare", path, "--format", "json"])
        .run();
    assert_eq!(outcome.code(), Some(3), "{}", outcome.stdout);
}
