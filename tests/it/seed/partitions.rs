//! Partitioned tables, and tables whose rows are elsewhere.

use super::stage::{Stage, digests};

fn count(stage: &Stage, table: &str) -> i64 {
    stage
        .database
        .value(&format!("select count(*) from {table}"))
}

#[test]
fn a_key_that_refers_to_partitions_is_whole_again() {
    let stage = Stage::new(
        "create table p (id int primary key) partition by hash (id);
         create table p0 partition of p for values with (modulus 2, remainder 0);
         create table p1 partition of p for values with (modulus 2, remainder 1);
         create table c (id int primary key, p int not null references p);
         comment on constraint c_p_fkey on c is 'kept'",
    );
    let before = stage.schema();
    stage.run(["--rows", "100"]);
    assert_eq!(stage.schema(), before);
    stage.prove();
    // A run that an earlier version left behind has the key as not valid.
    stage.database.execute(
        "truncate c, p; update tidegate.seed_run set state = 'loaded', request = 'another', finished_at = null;
         alter table c drop constraint c_p_fkey; alter table c add constraint c_p_fkey foreign key (p) references p not valid;
         insert into tidegate.seed_unhooked (run_id, id, schema_name, table_name, kind, name, definition, remark, added)
         select max(id), 0, 'public', 'c', 'foreign_key', 'c_p_fkey', 'FOREIGN KEY (p) REFERENCES public.p(id)', 'kept', true from tidegate.seed_run",
    );
    let data = stage.cli(["run", "--abandon"]).data();
    assert_eq!(data["notes"], serde_json::json!([]), "{data}");
    assert_eq!(stage.schema(), before);
}

/// The wrapper has no handler: whoever asks the server for a row gets an error.
#[test]
fn rows_on_other_servers_are_neither_asked_for_nor_written() {
    let stage = Stage::new(
        "create foreign data wrapper nowhere; create server away foreign data wrapper nowhere;
         create foreign table far (a int) server away;
         create table event (a int, b text) partition by list (a);
         create table near partition of event for values in (2);
         create table deep partition of event for values in (1, 3) partition by list (a);
         create foreign table away_1 partition of deep for values in (1) server away;
         create table t (id int primary key, b text)",
    );
    let before = stage.schema();
    let data = stage.run(["--rows", "50"]);
    assert_eq!(digests(&data).len(), 1, "{data}");
    let notes = data["notes"].to_string();
    for part in [
        "far\\\": a foreign table; its rows are elsewhere",
        "event: no rows, because partition away_1 is a foreign table",
    ] {
        let plain = part.replace("\\\"", "");
        assert!(notes.replace("\\\"", "").contains(&plain), "{notes}");
    }
    assert_eq!((count(&stage, "t"), count(&stage, "near")), (50, 0));
    assert_eq!(stage.schema(), before);
    stage
        .project
        .write("seeds/a.toml", "version = 1\n[tables.event]\nrows = 5\n");
    let error = stage.cli(["plan", "--format", "json"]).exits(2).error();
    assert!(
        error["message"].as_str().unwrap().contains("away_1"),
        "{error}"
    );
    assert_eq!(error["at"]["line"], 2, "{error}");
}

#[test]
fn every_row_finds_its_partition() {
    let stage = Stage::new(
        "create table two (a int not null, b int not null, c text) partition by range (a, b);
         create table two_1 partition of two for values from (0, 0) to (10, 0);
         create table two_2 partition of two for values from (10, 0) to (20, 5);
         create table lowered (k text not null, v int) partition by list (lower(k));
         create table lowered_1 partition of lowered for values in ('ab', 'cd');
         create table months (d timestamptz not null, v int) partition by range ((date_trunc('month', d at time zone 'UTC')));
         create table months_1 partition of months for values from ('2025-03-01') to ('2025-04-01');
         create table months_2 partition of months for values from ('2025-06-01') to ('2025-07-01');
         create table named (n text not null, v int) partition by range (n);
         create table named_1 partition of named for values from (minvalue) to ('m');
         create table named_2 partition of named for values from ('m') to (maxvalue);
         create table deep (y int not null, region text not null) partition by range (y);
         create table deep_1 partition of deep for values from (2020) to (2025) partition by list (region);
         create table deep_1_eu partition of deep_1 for values in ('eu', 'uk');
         create table deep_2 partition of deep for values from (2025) to (2030) partition by list (region);
         create table deep_2_us partition of deep_2 for values in ('us');
         create table bare (id int, at date) partition by range (at);
         create table child (id int primary key, deep text)",
    );
    let before = stage.schema();
    let data = stage.run(["--rows", "400", "--chunk-rows", "150"]);
    for (table, rows, _) in digests(&data) {
        let expected: u64 = if table == "bare" { 0 } else { 400 };
        assert_eq!(
            (rows, count(&stage, &table)),
            (expected, expected.cast_signed()),
            "{table}"
        );
    }
    let notes = data["notes"].to_string();
    assert!(
        notes.contains("bare: no rows, because it has no partition"),
        "{notes}"
    );
    assert!(
        notes.contains("two: the bounds of its partitions"),
        "{notes}"
    );
    assert_eq!(stage.schema(), before);
    let spread = "select count(*) > 50 from two_1 union all select count(*) > 50 from two_2
        union all select count(*) > 50 from months_1 union all select count(*) > 50 from months_2
        union all select count(*) > 50 from deep_1_eu union all select count(*) > 50 from deep_2_us";
    assert_eq!(stage.database.rows(spread), ["t"; 6]);
}

#[test]
fn rows_without_a_partition_are_refused_before_the_first() {
    let stage = Stage::new(
        "create table t (id int primary key) partition by hash (id);
         create table t0 partition of t for values with (modulus 4, remainder 0);
         create table other (id int primary key)",
    );
    let before = stage.schema();
    let error = stage
        .cli(["run", "--rows", "50", "--format", "json"])
        .exits(2)
        .error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("t: ") && message.contains("partitions"),
        "{message}"
    );
    assert_eq!((stage.schema(), count(&stage, "other")), (before, 0));
}

/// A partition in a table's own tree takes rows, however deep it lies and whatever the columns would hold
/// by themselves.
#[test]
fn no_partition_stays_empty() {
    let schema = "
        create table events (id bigserial, at date not null, kind text not null, tenant int not null) partition by range (at);
        create table events_24 partition of events for values from ('2024-01-01') to ('2025-01-01');
        create table events_25 partition of events for values from ('2025-01-01') to ('2026-01-01') partition by list (kind);
        create table events_25_seen partition of events_25 for values in ('click', 'view');
        create table events_25_bought partition of events_25 for values in ('buy');
        create table events_25_rest partition of events_25 default;
        create table events_26 partition of events for values from ('2026-01-01') to (maxvalue) partition by hash (tenant);
        create table events_26_0 partition of events_26 for values with (modulus 3, remainder 0);
        create table events_26_1 partition of events_26 for values with (modulus 3, remainder 1);
        create table events_26_2 partition of events_26 for values with (modulus 3, remainder 2);
        create table flags (id int, k int, v text) partition by list (k);
        create table flags_none partition of flags for values in (null);
        create table flags_some partition of flags for values in (1, 2);
        create table kinds (id int, kind text not null) partition by list (kind);
        create table kinds_a partition of kinds for values in ('a', 'b');
        create table kinds_rest partition of kinds default;
        create table months (at timestamptz not null, n numeric(10, 2) not null check (n < 50)) partition by range (at);
        create table months_old partition of months for values from ('2019-01-01') to ('2019-02-01') partition by range (n);
        create table months_old_1 partition of months_old for values from (0) to (1);
        create table months_old_2 partition of months_old for values from (1) to (1000);
        create table months_new partition of months for values from ('2025-06-01') to ('2025-07-01') partition by range (at);
        create table months_new_1 partition of months_new for values from ('2025-06-01') to ('2025-06-10');
        create table months_new_2 partition of months_new for values from ('2025-06-10') to ('2025-07-01')";
    let args = ["--rows", "1000", "--seed", "5", "--today", "2026-01-01"];
    let stage = Stage::new(schema);
    let before = stage.schema();
    let first = stage.run(args.into_iter().chain(["--workers", "1"]));
    let leaves = stage.database.rows(
        "select relid::regclass::text from pg_class, pg_partition_tree(oid) where relkind = 'p' and not relispartition and isleaf order by 1",
    );
    assert_eq!(leaves.len(), 15);
    for leaf in leaves {
        assert!(
            count(&stage, &leaf) >= 50,
            "{leaf}: {}",
            count(&stage, &leaf)
        );
    }
    assert_eq!(
        count(
            &stage,
            "only events_25_rest where kind in ('click', 'view', 'buy')"
        ),
        0
    );
    assert_eq!(stage.schema(), before);
    stage.prove();
    let eight = Stage::new(schema);
    let more = ["--workers", "8", "--chunk-rows", "70"];
    let second = eight.run(args.into_iter().chain(more));
    assert_eq!(digests(&first), digests(&second));
}

#[test]
fn partitions_below_a_hash_and_their_own_demands_are_met() {
    let stage = Stage::new(
        "create table h (k uuid not null, v int) partition by hash (k);
         create table h1 partition of h for values with (modulus 2, remainder 0);
         create table h2 partition of h for values with (modulus 2, remainder 1) partition by range (v);
         create table h2_low partition of h2 for values from (0) to (10);
         create table h2_high partition of h2 for values from (50) to (60);
         create table m (k int not null, v int, w int) partition by list (k);
         create table m1 partition of m for values in (1);
         create table m2 partition of m (w not null, check (v > 100 and v < 200)) for values in (2)",
    );
    let before = stage.schema();
    stage.run(["--rows", "400"]);
    let spread = "select (select count(*) from h), (select count(*) > 20 from h2_low), (select count(*) > 20 from h2_high),
        (select count(*) from m), (select count(*) > 50 from m1), (select count(*) > 50 from m2)";
    assert_eq!(stage.database.rows(spread), ["400|t|t|400|t|t"]);
    assert_eq!(stage.schema(), before);
    stage.prove();
}

#[test]
fn a_check_of_a_partition_that_no_row_meets_is_named() {
    let stage = Stage::new(
        "create table m (k int not null, v int not null) partition by list (k);
         create table m2 partition of m (check (v > 5 and v * 0 > 1)) for values in (2);
         create table g (id int primary key) partition by range (id);
         create table g1 partition of g for values from (1) to (100);
         create table g2 partition of g for values from (1000) to (2000)",
    );
    let error = stage.cli(["plan", "--rows", "50", "--table", "m", "--format", "json"]);
    let error = error.exits(2).error();
    assert!(
        error["message"].as_str().unwrap().contains("m2.m2_v_check"),
        "{error}"
    );
    let error = stage.cli(["plan", "--rows", "1500", "--table", "g", "--format", "json"]);
    let error = error.exits(2).error();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("the bounds of its partitions"),
        "{error}"
    );
}
