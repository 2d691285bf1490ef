//! The gate "no reader": contract waits until nothing in pg_stat_statements uses the old column.

use crate::migrate::{apply, shop};
use crate::support::{Database, Project};

const READ: &str = "select t.account_email from transactions t where t.id = 1";

fn gate(project: &Project) -> serde_json::Value {
    let plan = project
        .tidegate(["migrate", "plan", "--release", "2.3.0"])
        .data();
    let gates = plan["gates"].as_array().expect("gates").clone();
    gates
        .into_iter()
        .find(|gate| gate["name"] == "no reader")
        .expect("the gate")
}

/// How often the shared server's statistics forgot entries; notes from before are void then.
fn forgotten(database: &Database) -> i64 {
    database.value("select dealloc from pg_stat_statements_info")
}

/// Lets the refusal be long ago.
fn long_ago(database: &Database) {
    database.execute(
        "update tidegate.phase set evidence = regexp_replace(evidence::text, '\"refused\": \"[^\"]*\"', \
         '\"refused\": \"2020-01-01T00:00:00Z\"')::jsonb where evidence::text like '%refused%'",
    );
}

#[test]
fn without_the_extension_nothing_is_known() {
    let (_database, project) = shop();
    apply(&project, "2.2.0");
    let gate = gate(&project);
    assert_eq!(gate["open"], true);
    assert_eq!(
        gate["evidence"],
        "unknown: pg_stat_statements is not installed"
    );
}

#[test]
fn contract_waits_until_the_old_column_is_out_of_use() {
    let (database, project) = shop();
    database.execute("create extension pg_stat_statements");
    apply(&project, "2.1.0");
    database.execute(READ);
    let before = forgotten(&database);
    apply(&project, "2.2.0");
    // What ran before enforce does not count, nor do the statements of Tidegate itself.
    let calm = gate(&project);
    if forgotten(&database) == before {
        assert_eq!(calm["open"], true, "{calm}");
    }
    for _ in 0..50 {
        database.execute(READ);
    }
    let closed = gate(&project);
    assert_eq!(closed["open"], false, "{closed}");
    let evidence = closed["evidence"].to_string();
    assert!(
        evidence.contains("select t.account_email from transactions t where t.id = $1"),
        "{evidence}"
    );
    assert!(
        closed["remedy"]
            .to_string()
            .contains("pg_stat_statements_reset("),
        "{closed}"
    );
    let refused = project
        .tidegate(["migrate", "apply", "--release", "2.3.0", "--format", "json"])
        .exits(4);
    assert_eq!(refused.error()["code"], "TG0412");

    // Trying again too early does not begin the wait anew.
    let since = "select evidence->'statements' from tidegate.phase where phase = 'enforce'";
    let noted: serde_json::Value = database.value(since);
    project
        .tidegate(["migrate", "apply", "--release", "2.3.0"])
        .exits(4);
    if forgotten(&database) == before {
        assert_eq!(database.value::<serde_json::Value>(since), noted);
    }
    // The refusal noted the counters: without a further use the gate opens when it was so for a while.
    let waiting = gate(&project);
    if forgotten(&database) == before {
        assert_eq!(waiting["open"], false, "{waiting}");
        assert!(
            waiting["evidence"]
                .to_string()
                .contains("is out of use since"),
            "{waiting}"
        );
        long_ago(&database);
        assert_eq!(gate(&project)["open"], true);
    }
    database.execute(READ);
    assert_eq!(gate(&project)["open"], false);

    database.execute("select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)");
    long_ago(&database);
    let open = gate(&project);
    assert_eq!(open["open"], true, "{open}");
    apply(&project, "2.3.0");
}
