//! What hangs on the old column is there for the new one: constraints stay constraints. And the
//! types of columns are compared to the last digit of their modifiers.

use crate::migrate::apply;
use crate::support::{Database, Project};

fn change(to: &str, up: &str, down: &str) -> String {
    format!(
        "version = 1\ntitle = \"x\"\n[schedule]\nexpand = \"2.1.0\"\nenforce = \"2.2.0\"\ncontract = \"2.3.0\"\n\
         [[operation]]\nkind = \"replace_column\"\ntable = \"t\"\nfrom = \"a\"\nto = {{ name = \"b\", type = \"{to}\" }}\n\
         up = \"{up}\"\ndown = \"{down}\"\n"
    )
}

fn project(schema: &str, change: &str) -> (Database, Project) {
    let database = Database::with_schema(schema);
    let project = Project::new(&database);
    project.change("0001_x.toml", change);
    (database, project)
}

/// Unique constraints of every relation that speak of the new column.
const CONSTRAINTS: &str = "select conrelid::regclass::text, conname, pg_get_constraintdef(oid), \
    (select indisvalid and indisunique from pg_index where indexrelid = conindid) \
    from pg_constraint where contype = 'u' and pg_get_constraintdef(oid) ~ '\\mb\\M' order by 1, 2";

#[test]
fn a_unique_constraint_stays_a_constraint() {
    let (database, project) = project(
        "create table t (id int primary key, a text not null, c int, unique (a), \
             constraint pair unique (c, a) include (id) deferrable initially deferred);\
         insert into t select g, g::text, g % 7 from generate_series(1, 300) g;",
        &change("bigint", "a::bigint", "b::text"),
    );
    apply(&project, "2.1.0");
    assert_eq!(
        database.rows(CONSTRAINTS),
        [
            "t|t_b_key|UNIQUE (b)|t",
            "t|t_c_b_key|UNIQUE (c, b) INCLUDE (id) DEFERRABLE INITIALLY DEFERRED|t",
        ]
    );
    // The new app's statement, by the constraint's name.
    database.execute(
        "insert into t (id, b) values (301, 5) on conflict on constraint t_b_key do nothing",
    );
    assert_eq!(database.value::<i64>("select count(*) from t"), 300);
    project
        .tidegate(["migrate", "rollback", "--release", "2.1.0"])
        .ok();
    assert!(database.rows(CONSTRAINTS).is_empty());
    for release in ["2.1.0", "2.2.0", "2.3.0"] {
        apply(&project, release);
    }
    assert_eq!(database.rows(CONSTRAINTS).len(), 2);
    project.tidegate(["migrate", "verify"]).ok();
}

#[test]
fn a_unique_constraint_over_partitions_stays_one() {
    let (database, project) = project(
        "create table t (id int, a text, constraint ours unique (id, a)) partition by range (id);\
         create table t1 partition of t for values from (0) to (200);\
         create table t2 partition of t for values from (200) to (1000);\
         insert into t select g, g::text from generate_series(1, 300) g;",
        &change("bigint", "a::bigint", "b::text"),
    );
    for release in ["2.1.0", "2.2.0", "2.3.0"] {
        apply(&project, release);
        let found = database.rows(CONSTRAINTS);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found.iter().all(|row| row.ends_with("|UNIQUE (id, b)|t")),
            "{found:?}"
        );
    }
    let inherited: i64 = database
        .value("select count(*) from pg_constraint where contype = 'u' and conparentid <> 0");
    assert_eq!(
        inherited, 2,
        "the leaves' constraints belong to the parent's"
    );
}

#[test]
fn nulls_that_are_not_distinct_stay_so() {
    let probe = Database::new();
    if probe.value::<i32>("select current_setting('server_version_num')::int") < 150_000 {
        return;
    }
    let (database, project) = project(
        "create table t (id int primary key, a text, unique nulls not distinct (a));\
         insert into t select g, nullif(g, 7)::text from generate_series(1, 300) g;",
        &change("bigint", "a::bigint", "b::text"),
    );
    for release in ["2.1.0", "2.2.0", "2.3.0"] {
        apply(&project, release);
        assert_eq!(
            database.rows(CONSTRAINTS),
            ["t|t_b_key|UNIQUE NULLS NOT DISTINCT (b)|t"]
        );
    }
}

#[test]
fn verify_compares_the_modifiers_of_types() {
    for (wanted, same, other) in [
        ("varchar(40)", "character varying(40)", "varchar(20)"),
        ("numeric(10,2)", "decimal(10,2)", "numeric(12,2)"),
        (
            "timestamptz(3)",
            "timestamp(3) with time zone",
            "timestamptz",
        ),
        ("varchar(9)[]", "varchar(9)[]", "varchar(10)[]"),
        ("short", "short", "varchar(40)"),
    ] {
        let (database, project) = project(
            "create domain short as varchar(30);\
             create table t (id int primary key, a text);",
            &change(wanted, "null", "null"),
        );
        apply(&project, "2.1.0");
        database.execute(&format!("alter table t alter column b type {same}"));
        project.tidegate(["migrate", "verify"]).ok();
        database.execute(&format!("alter table t alter column b type {other}"));
        let outcome = project.tidegate(["migrate", "verify"]).exits(3);
        assert!(
            outcome
                .stdout
                .contains(&format!("the change says {wanted}")),
            "{}",
            outcome.stdout
        );
    }
}
