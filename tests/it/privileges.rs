//! No superuser is needed: a role with exactly the documented privileges does everything.

use crate::migrate::{CHANGE, SHOP};
use crate::support::{Database, Project};

#[test]
fn m13_a_plain_owner_runs_all_three_releases() {
    let database = Database::with_schema(SHOP);
    let role = format!("tg_plain_{}", database.name());
    database.execute(&format!(
        "create role {role} login; grant create on database {} to {role}; grant create on schema public to {role}; \
         alter table users owner to {role}; alter table transactions owner to {role}",
        database.name()
    ));
    let project = Project::new(&database);
    project.change("0007_user_id.toml", CHANGE);
    let url = database.url_as(&role);
    let run = |args: &[&str]| {
        let mut all = vec!["--database-url", url.as_str()];
        all.extend_from_slice(args);
        project.tidegate(all)
    };
    run(&["migrate", "apply", "--release", "2.1.0"]).ok();
    run(&["migrate", "rollback", "--release", "2.1.0"]).ok();
    run(&["migrate", "apply", "--release", "2.3.0"]).ok();
    run(&["audit", "verify"]).ok();
    assert_eq!(
        database.value::<i64>("select count(*) from transactions where user_id is null"),
        0
    );
    database.execute(&format!(
        "reassign owned by {role} to current_user; drop owned by {role}; drop role {role}"
    ));
}

#[test]
fn a_missing_privilege_is_named() {
    let database = Database::with_schema(SHOP);
    let role = format!("tg_poor_{}", database.name());
    database.execute(&format!("create role {role} login"));
    let project = Project::new(&database);
    project.change("0007_user_id.toml", CHANGE);
    let url = database.url_as(&role);
    let outcome = project
        .tidegate([
            "--database-url",
            &url,
            "migrate",
            "apply",
            "--release",
            "2.1.0",
            "--format",
            "json",
        ])
        .exits(2);
    assert_eq!(outcome.error()["code"], "TG0207");
    database.execute(&format!("drop role {role}"));
}

/// Keys are taken off for the load: whoever could not make them again is refused while they are there.
#[test]
fn a_role_that_could_not_put_keys_back_seeds_nothing() {
    let database = Database::with_schema(
        "create table a (id int primary key, code text unique); create schema other; \
         create table other.b (id int primary key, a int references a)",
    );
    let role = format!("tg_seeds_{}", database.name());
    database.execute(&format!(
        "create role {role} login; grant create on database {} to {role}; alter table a owner to {role}; \
         revoke create on schema public from public; grant usage on schema other to {role}; grant select on other.b to {role}",
        database.name()
    ));
    let project = Project::new(&database);
    let url = database.url_as(&role);
    let seed = || {
        let words = [
            "--database-url",
            &url,
            "seed",
            "run",
            "--table",
            "a",
            "--rows",
            "5",
        ];
        project.tidegate(words.into_iter().chain(["--format", "json"]))
    };
    for (lacking, remedy) in [
        (
            "does not own other.b",
            format!("alter table other.b owner to {role}"),
        ),
        (
            "may make no index in the schema public",
            format!("grant create on schema public to {role}"),
        ),
    ] {
        let error = seed().exits(2).error().to_string();
        assert!(error.contains(lacking), "{error}");
        let keys = "select count(*) from pg_constraint where conrelid = 'a'::regclass";
        assert_eq!(database.value::<i64>(keys), 2);
        database.execute(&remedy);
    }
    seed().ok();
    assert_eq!(database.value::<i64>("select count(*) from a"), 5);
    database.execute(&format!(
        "reassign owned by {role} to current_user; drop owned by {role}; drop role {role}"
    ));
}
