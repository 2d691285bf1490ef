//! Seasons, trees and columns that go together, as a spec asks for them.

use super::stage::{Stage, digests};

const SCHEMA: &str = "
create type plan as enum ('free', 'pro', 'team');
create table folder (id bigint generated always as identity primary key, parent_id bigint references folder,
    place int, name text not null, unique (parent_id, place));
create table category (id int primary key, up int not null references category);
create table sale (id bigint generated always as identity primary key, at timestamptz not null, day date not null, opens time not null,
    income numeric(12, 2) not null, spent numeric(12, 2), visits int not null, joined date not null,
    region text not null, product text not null, plan plan not null, seats int not null, paid boolean not null);
create table reading (sensor int not null, at timestamptz not null, value real, primary key (sensor, at));
";

const SPEC: &str = r#"
version = 1
[tables.folder]
rows = 5000
columns.parent_id = { tree = { roots = 10, children = { poisson = { mean = 2.5 } }, depth = 4 } }
[tables.category]
rows = 500
columns.up = { tree = { children = 2 } }
[tables.sale]
rows = 20000
columns.at = { between = ["2023-01-01", "2024-12-31 23:59:59"], season = { hours = { 9-16 = 5, 17-21 = 2, otherwise = 0 }, weekdays = { sat-sun = 0.5 }, months = { nov-dec = 3 }, growth = 4 } }
columns.day = { between = ["2024-01-01", "2024-12-31"], season = { weekdays = [1, 1, 1, 1, 1, 0, 0] } }
columns.opens = { between = ["07:30:00", "12:00:00"], season = { hours = { 7 = 0, 9 = 6 } } }
columns.income = { distribution = { log_normal = { median = 30000, sigma = 0.6 } } }
columns.spent = { distribution = { normal = { mean = 900, deviation = 250 } }, correlates = { income = 0.7 }, nulls = 0.1 }
columns.visits = { distribution = { poisson = { mean = 6 } }, correlates = { income = -0.5, spent = -0.3 } }
columns.joined = { between = ["2020-01-01", "2024-01-01"], correlates = { income = 0.4 } }
columns.region = { choice = { north = 2, south = 1, east = 1 } }
columns.product = { given = "region", cases = { north = { ski = 9, book = 1 }, south = ["sail"] }, choice = ["bike"] }
columns.plan = { given = "paid", cases = { true = { pro = 3, team = 1 }, false = ["free"] } }
columns.seats = { given = "plan", cases = { team = [5, 10] }, choice = [1] }
[tables.reading]
rows = 6000
columns.sensor = { between = [1, 20] }
columns.at = { between = ["2024-03-01", "2024-03-31"], season = { hours = { 0-5 = 0.1 } } }
"#;

fn stage(spec: &str) -> Stage {
    let stage = Stage::new(SCHEMA);
    stage.project.write("seeds/related.toml", spec);
    stage
}

/// The numbers of the only row.
fn numbers(stage: &Stage, sql: &str) -> Vec<f64> {
    let row = stage.database.rows(sql).remove(0);
    row.split('|').map(|text| text.parse().unwrap()).collect()
}

fn near(found: &[f64], wanted: &[f64], by: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= by, "{found}, not {wanted}");
    }
}

#[test]
fn a_spec_makes_seasons_trees_and_columns_that_go_together() {
    let stage = stage(SPEC);
    let data = stage.run(["--seed", "11", "--chunk-rows", "700"]);
    stage.prove();
    seasons(&stage);
    trees(&stage);
    correlations(&stage);
    let workers = self::stage(SPEC);
    let other = workers.run(["--seed", "11", "--workers", "8", "--chunk-rows", "333"]);
    assert_eq!(digests(&data), digests(&other));
}

fn seasons(stage: &Stage) {
    let shares = "with s as (select at at time zone 'UTC' as at, day, opens from sale)
        select avg((extract(hour from at) not between 9 and 21)::int), avg((extract(hour from at) between 9 and 16)::int),
        avg((extract(isodow from at) > 5)::int), avg((extract(month from at) > 10)::int),
        avg((extract(isodow from day) > 5)::int), avg((opens < '08:00')::int), avg((opens >= '09:00' and opens < '10:00')::int) from s";
    // Two of 7 days at a half; two of 12 months threefold and more by growth; the half hour from 7 is
    // nothing.
    let wanted = [0.0, 40.0 / 50.0, 1.0 / 6.0, 0.4545, 0.0, 0.0, 6.0 / 9.0];
    near(&numbers(stage, shares), &wanted, 0.025);
    let growth = "select count(*) filter (where at >= '2024-01-01')::float8 / count(*) filter (where at < '2024-01-01') from sale";
    near(&numbers(stage, growth), &[2.0], 0.15);
    // A key over times is met, and keeps the season.
    let keys =
        "select count(*), avg((extract(hour from at at time zone 'UTC') < 6)::int) from reading";
    near(&numbers(stage, keys), &[6000.0, 0.6 / 18.6], 0.02);
}

fn trees(stage: &Stage) {
    let levels = "with recursive t as (select id, 0 as level from folder where parent_id is null
            union all select f.id, t.level + 1 from folder f join t on f.parent_id = t.id)
        select count(*), max(level), (select count(*) from folder where parent_id >= id) from t";
    near(&numbers(stage, levels), &[5000.0, 4.0, 0.0], 0.0);
    let children = "with c as (select count(c.id) as n from folder p left join folder c on c.parent_id = p.id
            where p.id < 800 and p.id in (select id from folder where parent_id is null or parent_id in (select id from folder where parent_id is null)) group by p.id)
        select avg(n), variance(n) from c";
    near(&numbers(stage, children), &[2.5, 2.5], 0.6);
    let looped = "select count(*) filter (where up = id), count(*) filter (where up > id),
        (select max(n) from (select count(*) as n from category where up <> id group by up) c) from category";
    near(&numbers(stage, looped), &[1.0, 0.0, 2.0], 0.0);
}

fn correlations(stage: &Stage) {
    let ranks = "with r as (select rank() over (order by income) i, rank() over (order by spent) s, rank() over (order by visits) v,
            rank() over (order by joined) j, spent from sale)
        select corr(i, s) filter (where spent is not null), corr(i, v), corr(i, j), corr(v, j) from r";
    let found = numbers(stage, ranks);
    near(&found[..3], &[0.7, -0.5, 0.4], 0.04);
    let spread = "select percentile_cont(0.5) within group (order by income), avg(spent), stddev(spent), avg(visits), variance(visits) from sale";
    let found = numbers(stage, spread);
    near(
        &[
            found[0] / 30000.0,
            found[1] / 900.0,
            found[2] / 250.0,
            found[3] / 6.0,
            found[4] / 6.0,
        ],
        &[1.0; 5],
        0.04,
    );
    let cases = "select avg((product = 'ski')::int) filter (where region = 'north'), avg((product = 'sail')::int) filter (where region = 'south'),
            avg((product = 'bike')::int) filter (where region = 'east'), avg((plan = 'team')::int) filter (where paid),
            avg((plan = 'free')::int) filter (where not paid), avg((seats > 1)::int) filter (where plan = 'team'),
            avg((seats = 1)::int) filter (where plan <> 'team') from sale";
    near(
        &numbers(stage, cases),
        &[0.9, 1.0, 1.0, 0.25, 1.0, 1.0, 1.0],
        0.02,
    );
}

/// What is added later hangs on the same trees: nobody's parent changes.
#[test]
fn rows_are_added_to_trees() {
    let spec =
        "version = 1\n[tables.folder]\ncolumns.parent_id = { tree = { roots = 3, depth = 3 } }\n";
    let (twice, once) = (stage(spec), stage(spec));
    twice.run(["--rows", "700", "--table", "folder"]);
    twice.run(["--rows", "500", "--table", "folder", "--extend"]);
    once.run(["--rows", "1200", "--table", "folder"]);
    let all = "select id, parent_id, place from folder order by id";
    assert_eq!(twice.database.rows(all), once.database.rows(all));
}

/// What follows `[tables.`, and what the refusal says.
const WRONG: &[(&str, &str)] = &[
    (
        "sale]\ncolumns.at = { season = { growth = 2 } }",
        "season belongs to between",
    ),
    (
        "sale]\ncolumns.at = { between = [\"2024-01-01\", \"2024-02-01\"], season = { weekdays = { tues = 2 } } }",
        "did you mean \"tue\"?",
    ),
    (
        "sale]\ncolumns.day = { between = [\"2024-01-01\", \"2024-02-01\"], season = { hours = { 3 = 2 } } }",
        "a date has no hours",
    ),
    (
        "sale]\ncolumns.visits = { between = [1, 9], season = { growth = 2 } }",
        "season is for dates and times",
    ),
    (
        "sale]\ncolumns.visits = { tree = { roots = 2 } }",
        "a reference of a table to itself",
    ),
    (
        "folder]\ncolumns.parent_id = { tree = { roots = 0 } }",
        "roots is 1 or more",
    ),
    (
        "folder]\ncolumns.parent_id = { tree = {}, nulls = 0.5 }",
        "the roots alone refer to nothing",
    ),
    (
        "sale]\ncolumns.visits = { between = [1, 9], correlates = { incom = 0.5 } }",
        "no column \"incom\"",
    ),
    (
        "sale]\ncolumns.visits = { between = [1, 9], correlates = { income = 0.5 } }",
        "\"income\", which needs a rule",
    ),
    (
        "sale]\ncolumns.visits = { choice = [1, 9], correlates = { seats = 0.5 } }\ncolumns.seats = { between = [1, 9] }",
        "distribution or between, of numbers",
    ),
    (
        "sale]\ncolumns.visits = { between = [1, 9], correlates = { seats = 0.9, income = 0.9 } }\ncolumns.seats = { between = [1, 9] }\ncolumns.income = { between = [1, 9], correlates = { seats = -0.9 } }",
        "contradict each other",
    ),
    (
        "sale]\ncolumns.product = { given = \"region\", cases = { nort = [\"a\"] } }\ncolumns.region = { choice = [\"north\"] }",
        "did you mean \"north\"?",
    ),
    (
        "sale]\ncolumns.product = { given = \"plan\", cases = { free = [\"a\"], pro = [\"b\"] } }",
        "no case for \"team\"",
    ),
    (
        "sale]\ncolumns.seats = { given = \"plan\", cases = { free = [\"many\"] }, choice = [1] }",
        "\"many\" is no value",
    ),
    (
        "sale]\ncolumns.seats = { cases = { a = [1] } }",
        "cases belongs to given",
    ),
];

#[test]
fn what_cannot_go_together_is_refused_with_its_line() {
    let stage = stage("version = 1\n");
    for (rule, says) in WRONG {
        let spec = format!("version = 1\n[tables.{rule}\n");
        stage.project.write("seeds/related.toml", &spec);
        let outcome = stage.cli(["plan", "--format", "json"]).exits(2);
        let error = outcome.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(error["code"], "TG0901", "{rule}: {message}");
        assert!(message.contains(says), "{rule}: {message}");
        assert!(
            (3..=5).contains(&error["at"]["line"].as_u64().unwrap()),
            "{rule}: {error}"
        );
    }
}
