//! Templates and the way back to them.

use super::stage::Stage;

#[test]
fn a_reset_brings_the_saved_state_back() {
    let stage = Stage::new("create table a (id int primary key, code text not null)");
    stage.run(["--rows", "300"]);
    let sum = "select md5(string_agg(a::text, ';' order by id)) from a";
    let before = stage.database.rows(sum);
    let listener = stage.database.url();
    let saved = stage.cli(["template", "save"]).data();
    assert_eq!(saved["templates"][0]["name"], "seeded");
    stage.database.execute(
        "delete from a where id % 2 = 0; create table b (id int); update a set code = 'x'",
    );
    // Somebody who is connected is sent away.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let busy = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&listener, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    });
    // What was taken from everybody stays so: a clone begins with what everybody may by default.
    let name = stage.database.name().to_owned();
    stage
        .database
        .execute(&format!("revoke connect on database {name} from public"));
    let acl = format!(
        "select coalesce(g.rolname, 'public')::text, a.privilege_type from pg_database d, aclexplode(d.datacl) a \
         left join pg_roles g on g.oid = a.grantee where datname = '{name}' order by 1, 2"
    );
    let allowed = stage.database.rows(&acl);
    let data = stage.cli(["reset"]).data();
    assert_eq!(data["template"], "seeded");
    assert_eq!(stage.database.rows(&acl), allowed);
    assert_eq!(stage.database.rows(sum), before);
    assert!(
        stage
            .database
            .value::<bool>("select to_regclass('b') is null")
    );
    assert!(runtime.block_on(busy.query_one("select 1", &[])).is_err());
    // The audit log goes on, and holds together.
    let actions = stage
        .database
        .rows("select action from tidegate.audit order by seq");
    assert_eq!(actions, ["seed.run", "seed.template.save", "seed.reset"]);
    stage.project.tidegate(["audit", "verify"]).ok();
    stage.cli(["reset"]).ok();
    stage.cli(["template", "drop"]).ok();
    stage.cli(["reset"]).exits(2);
    let left = format!(
        "select datname from pg_database where datname like '{}%'",
        stage.database.name()
    );
    assert_eq!(stage.database.rows(&left), [stage.database.name()]);
}
