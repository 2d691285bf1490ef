//! A target's role without special rights, and grants that survive it, and what is said of the rest.

use super::stage::{Stage, run};

const GRANTS: &str = "\
    do $$ begin create role tidegate_copier login createdb; exception when duplicate_object then null; end $$;\
    do $$ begin create role tidegate_reader; exception when duplicate_object then null; end $$;\
    create table people (id int primary key, email text); insert into people values (1, 'a');\
    create table log (id int); alter table log owner to tidegate_reader;\
    grant select (id) on people to tidegate_reader;\
    create function secret() returns int language sql as 'select 1';\
    revoke all on function secret() from public;\
    grant execute on function secret() to tidegate_reader;\
    alter default privileges in schema public grant select on tables to tidegate_reader";

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_special_rights_copies_and_keeps_the_grants() {
    let stage = Stage::new(GRANTS);
    let source = stage.source.url();
    let target = stage.source.url_as("tidegate_copier");
    stage.project().write(
        "tidegate.toml",
        &format!(
            "version = 1\nproject = \"shop\"\n\n\
             [environments.production]\nregion = \"eu\"\nurl = \"{source}\"\n\
             [environments.staging]\nregion = \"eu\"\nurl = \"{}\"\n",
            target.replace(stage.source.name(), &stage.target)
        ),
    );
    let mut engine = stage.engine().await;
    engine.options.promote = true;
    let outcome = run(engine, &[]).await.unwrap();
    assert!(outcome.gate.passed, "{:#?}", outcome.gate);
    let owners = "select string_agg(distinct relowner::regrole::text, ',') from pg_class \
        where relnamespace = 'public'::regnamespace";
    assert_eq!(stage.rows(owners).await, ["tidegate_copier"]);
    let may = "select has_column_privilege('tidegate_reader', 'people', 'id', 'select'), \
        has_column_privilege('tidegate_reader', 'people', 'email', 'select'), \
        has_function_privilege('tidegate_reader', 'secret()', 'execute'), \
        (select proacl::text like '%=X/%' and proacl::text like '{=X%' from pg_proc where proname = 'secret')";
    assert_eq!(stage.rows(may).await, ["t|f|t|f"]);
    for said in [
        "all objects belong to the role of the target, which is no superuser",
        "default privileges are not carried: the target's role is no superuser",
    ] {
        assert!(
            outcome.remarks.iter().any(|remark| remark == said),
            "{:?}",
            outcome.remarks
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_the_tables_is_counted() {
    let stage = Stage::new(
        "create table t (id int); \
         create table setting (name text); create table default_only (name text); \
         insert into setting values ('a'); insert into default_only values ('shipped'); \
         update pg_extension set extconfig = array['setting'::regclass::oid, 'default_only'::regclass::oid], \
         extcondition = array['', 'where name <> ''shipped'''] where extname = 'plpgsql'",
    );
    let outcome = stage.copy(&[], false).await.unwrap();
    assert!(outcome.gate.passed, "{:#?}", outcome.gate);
    let said: Vec<&str> = outcome.remarks.iter().map(String::as_str).collect();
    assert_eq!(
        said,
        [
            "rows of setting, a table of the extension plpgsql, are not carried: [allow] extension_rows does not name it"
        ]
    );
}
