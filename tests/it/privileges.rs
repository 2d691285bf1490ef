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
