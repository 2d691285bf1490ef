//! What an outsider tries first: types of the user, writes past the triggers, row security, odd
//! names, scripts that fail, drift. Each lost data or got stuck once.

use crate::migrate::apply;
use crate::support::{Database, Project};

fn replace(table: &str, from: &str, to: &str, up: &str, down: &str) -> String {
    format!(
        "version = 1\ntitle = \"x\"\n[schedule]\nexpand = \"2.1.0\"\nenforce = \"2.2.0\"\ncontract = \"2.3.0\"\n\
         [[operation]]\nkind = \"replace_column\"\ntable = '{table}'\nfrom = '{from}'\nto = {{ {to} }}\n\
         up = '''{up}'''\ndown = '''{down}'''\n"
    )
}

/// A project with one change of `t.a` into `t.b`.
fn change_of_a(schema: &str, to: &str, up: &str, down: &str) -> (Database, Project) {
    let database = Database::with_schema(schema);
    let project = Project::new(&database);
    project.change("0001_x.toml", &replace("t", "a", to, up, down));
    (database, project)
}

const PLAIN: &str = "create table t (id int primary key, a text, c int); \
    insert into t select g, g::text, g % 7 from generate_series(1, 300) g;";
const TO_BIGINT: &str = "name = 'b', type = 'bigint'";

#[test]
fn types_and_defaults_of_the_project_are_found() {
    let (database, project) = change_of_a(
        "create type mood as enum ('sad', 'ok'); create domain short as text check (length(value) < 9);\
         create function usual() returns mood language sql as $$ select 'ok'::mood $$;\
         create table t (id int primary key, a text);\
         insert into t select g, 'sad' from generate_series(1, 100) g;",
        "name = 'b', type = 'mood', default = 'usual()', not_null = true",
        "a::mood",
        "b::text",
    );
    project.change(
        "0002_y.toml",
        "version = 1\ntitle = \"y\"\n[schedule]\nexpand = \"2.1.0\"\n[[operation]]\nkind = \"add_column\"\ntable = \"t\"\n\
         column = { name = \"n\", type = \"short\", default = \"'x'::short\", not_null = true }\n",
    );
    for release in ["2.1.0", "2.2.0", "2.3.0"] {
        apply(&project, release);
    }
    database.execute("insert into t (id) values (1000)");
    assert_eq!(
        database.rows("select b, n, count(*) from t group by 1, 2 order by 3"),
        ["ok|x|1", "sad|x|100"]
    );
}

#[test]
fn writes_of_a_replication_role_are_kept_in_step() {
    let (database, project) = change_of_a(
        "create table t (id int, a text, c int) partition by range (id);\
         create table t1 partition of t for values from (0) to (1000);\
         insert into t select g, g::text, g from generate_series(1, 300) g;",
        TO_BIGINT,
        "a::bigint",
        "b::text",
    );
    apply(&project, "2.1.0");
    // A partition that is made later, too.
    database.execute(
        "create table t2 partition of t for values from (1000) to (2000);\
         set session_replication_role = replica;\
         insert into t (id, a) values (400, '9'), (1400, '9'); update t set a = '8' where id = 1; update t set b = 7 where id = 2",
    );
    assert_eq!(
        database.rows("select id, a, b from t where id in (1, 2, 400, 1400) order by id"),
        ["1|8|8", "2|7|7", "400|9|9", "1400|9|9"]
    );
}

#[test]
fn rows_hidden_by_a_policy_are_never_left_behind() {
    let database = Database::with_schema(PLAIN);
    let role = format!("owner_{}", database.name().replace('-', "_"));
    database.execute(&format!(
        "create role {role} login; grant create on database \"{}\" to {role}; alter schema public owner to {role};\
         alter table t owner to {role}; alter table t enable row level security; alter table t force row level security;\
         create policy p on t using (c > 3) with check (true)",
        database.name()
    ));
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n[environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n",
        database.url_as(&role)
    ));
    project.change(
        "0001_x.toml",
        &replace("t", "a", TO_BIGINT, "a::bigint", "b::text"),
    );
    let refused = project
        .tidegate(["migrate", "plan", "--release", "2.1.0", "--format", "json"])
        .exits(2);
    assert!(
        refused.error()["message"]
            .as_str()
            .unwrap()
            .contains("row-level security")
    );
    database.execute("alter table t no force row level security");
    for release in ["2.1.0", "2.2.0", "2.3.0"] {
        apply(&project, release);
    }
    assert_eq!(
        database.rows("select count(*), count(b) from t"),
        ["300|300"]
    );
    database.execute(&format!("drop owned by {role} cascade; drop role {role}"));
}

#[test]
fn a_change_that_equality_does_not_see_is_a_change() {
    let (database, project) = change_of_a(
        "create table t (id int primary key, a numeric); insert into t select g, g + 0.50 from generate_series(1, 100) g;",
        "name = 'b', type = 'text'",
        "a::text",
        "b::numeric",
    );
    apply(&project, "2.1.0");
    database.execute("update t set a = 1.5 where id = 1");
    assert_eq!(
        database.rows("select a, b from t where id = 1"),
        ["1.5|1.5"]
    );
}

#[test]
fn types_without_an_equality_do_not_break_the_application() {
    let (database, project) = change_of_a(
        "create domain doc as json; create type pair as (j json, n int);\
         create table t (id int primary key, a doc, p pair);\
         insert into t select g, '{}', row('{}', g)::pair from generate_series(1, 100) g;",
        "name = 'b', type = 'jsonb'",
        "a::jsonb",
        "b::text::doc",
    );
    project.change(
        "0002_y.toml",
        &replace("t", "p", "name = 'q', type = 'text'", "p::text", "q::pair"),
    );
    apply(&project, "2.1.0");
    database.execute(
        "update t set a = '{\"x\":1}', p = row('[1]', 5)::pair where id = 1; insert into t (id, b, q) values (1000, '[]', '({},1)')",
    );
    assert_eq!(
        database
            .rows("select a::text, b::text, p::text, q from t where id in (1, 1000) order by id"),
        [r#"{"x":1}|{"x": 1}|([1],5)|([1],5)"#, "[]|[]|({},1)|({},1)"]
    );
    for release in ["2.2.0", "2.3.0"] {
        apply(&project, release);
    }
}

#[test]
fn an_expression_may_look_at_a_generated_column() {
    let (database, project) = change_of_a(
        "create table t (id int primary key, a text, g int generated always as (length(a)) stored);\
         insert into t (id, a) select g, g::text from generate_series(1, 100) g;",
        TO_BIGINT,
        "g + 0",
        "repeat('x', b::int)",
    );
    apply(&project, "2.1.0");
    database.execute(
        "insert into t (id, a) values (1000, 'abc'); update t set a = 'abcde' where id = 1",
    );
    assert_eq!(
        database.rows("select a, b from t where id in (1, 1000) order by id"),
        ["abcde|5", "abc|3"]
    );
    apply(&project, "2.2.0");
}

#[test]
fn the_longest_names_work_and_differ() {
    let (table, one, two) = (
        "t".repeat(63),
        "c".repeat(63),
        format!("{}d", "c".repeat(62)),
    );
    let database = Database::with_schema(&format!(
        "create table {table} (id int primary key, a text, a2 text); create index on {table} (a);\
         insert into {table} select g, g::text, (-g)::text from generate_series(1, 100) g;"
    ));
    let project = Project::new(&database);
    for (file, from, to) in [("0001_x.toml", "a", &one), ("0002_y.toml", "a2", &two)] {
        let column = format!("name = '{to}', type = 'bigint', not_null = true");
        let text = replace(
            &table,
            from,
            &column,
            &format!("{from}::bigint"),
            &format!("{to}::text"),
        );
        project.change(file, &text);
    }
    apply(&project, "2.1.0");
    database.execute(&format!(
        "insert into {table} (id, a, a2) values (1000, '5', '6')"
    ));
    assert_eq!(
        database.rows(&format!(
            "select {one}, {two} from {table} where id in (1, 1000) order by id"
        )),
        ["1|-1", "5|6"]
    );
    for release in ["2.2.0", "2.3.0"] {
        apply(&project, release);
    }
}

#[test]
fn an_index_of_another_table_is_not_taken_for_ours() {
    let database = Database::with_schema(
        "create table a (id int primary key, x text); create unique index on a (x);\
         create table a_b (id int primary key, c text); create index a_b_idx on a_b (c);\
         insert into a select g, g::text from generate_series(1, 10) g;",
    );
    let project = Project::new(&database);
    project.change(
        "0001_x.toml",
        &replace("a", "x", TO_BIGINT, "x::bigint", "b::text"),
    );
    apply(&project, "2.1.0");
    assert_eq!(
        database.value::<i64>("select count(*) from pg_index where indrelid = 'a'::regclass and indisunique and indkey::text = '3'"),
        1
    );
}

#[test]
fn what_would_fail_later_is_refused_when_it_is_planned() {
    for (schema, words) in [
        (
            "create type tt as (a text, c int); create table t of tt;",
            "composite type",
        ),
        (
            "create table t (id int primary key, a text); create rule r as on update to t do also select 1;",
            "rule r on update",
        ),
        (
            "create table t (id int primary key, a text); create table t1 (check (id < 9)) inherits (t); \
             create rule r as on insert to t where id < 9 do instead insert into t1 (id, a) values (new.id, new.a);",
            "rule r on insert",
        ),
        (
            "create table t (id int primary key, a text); create function f() returns trigger language plpgsql \
             as 'begin new.a := 1; return new; end'; \
             create trigger zzzz before insert on t for each row execute function f();",
            "trigger zzzz",
        ),
    ] {
        let (_database, project) = change_of_a(schema, TO_BIGINT, "a::bigint", "b::text");
        let refused = project
            .tidegate(["migrate", "plan", "--release", "2.1.0", "--format", "json"])
            .exits(4);
        assert!(
            refused.error()["message"].as_str().unwrap().contains(words),
            "{}",
            refused.error()
        );
    }
}

#[test]
fn an_expression_that_is_no_value_of_a_row_is_refused() {
    for up in ["count(*)", "generate_series(1, 2)", "row_number() over ()"] {
        let (_database, project) = change_of_a(PLAIN, TO_BIGINT, up, "b::text");
        let refused = project
            .tidegate(["migrate", "plan", "--release", "2.1.0", "--format", "json"])
            .run();
        assert_eq!(refused.error()["at"]["line"], 12, "{up}");
    }
}

#[test]
fn what_will_keep_contract_closed_is_told_before_the_first_step() {
    let (database, project) = change_of_a(
        &format!("{PLAIN} create view v as select a from t; create index e on t (lower(a));"),
        TO_BIGINT,
        "a::bigint",
        "b::text",
    );
    let plan = project
        .tidegate(["migrate", "plan", "--release", "2.1.0"])
        .data();
    let notice = plan["notices"][0].as_str().unwrap();
    assert!(
        notice.contains("view public.v") && notice.contains("index public.e"),
        "{notice}"
    );
    database.execute("drop view v; drop index e");
    let plan = project
        .tidegate(["migrate", "plan", "--release", "2.1.0"])
        .data();
    assert_eq!(plan["notices"], serde_json::json!([]));
}

#[test]
fn a_grant_given_between_expand_and_contract_is_not_lost() {
    let (database, project) = change_of_a(PLAIN, TO_BIGINT, "a::bigint", "b::text");
    apply(&project, "2.2.0");
    database.execute("grant select (a) on t to pg_monitor");
    apply(&project, "2.3.0");
    assert_eq!(
        database.rows("select has_column_privilege('pg_monitor', 't', 'b', 'select')"),
        ["t"]
    );
}

#[test]
fn every_kind_of_change_is_scaffolded_one_after_another() {
    let database = Database::new();
    let project = Project::new(&database);
    for (number, kind) in [
        "sql",
        "add_column",
        "replace_column",
        "set_not_null",
        "drop_column",
    ]
    .into_iter()
    .enumerate()
    {
        let made = project.tidegate(["migrate", "new", kind, "x"]).data();
        assert_eq!(made["id"], format!("{:04}", number + 1));
    }
    project.tidegate(["migrate", "lint"]).ok();
    std::fs::remove_dir_all(project.path().join("migrations")).unwrap();
    project.tidegate(["migrate", "new", "sql", "first"]).ok();
    apply(&project, "1.0.0");
    project
        .tidegate(["migrate", "rollback", "--change", "1"])
        .ok();
}

#[test]
fn a_comment_goes_with_the_new_column() {
    let (database, project) = change_of_a(
        &format!("{PLAIN} comment on column t.a is 'it''s kept';"),
        TO_BIGINT,
        "a::bigint",
        "b::text",
    );
    for release in ["2.1.0", "2.2.0"] {
        apply(&project, release);
    }
    assert_eq!(
        database.rows("select col_description('t'::regclass, attnum) from pg_attribute where attrelid = 't'::regclass and attname = 'b'"),
        ["it's kept"]
    );
}

#[test]
fn a_script_that_failed_may_be_mended() {
    let database = Database::new();
    let project = Project::new(&database);
    project.change("0001_x.sql", "create table z (a int);\nselect 1/0;");
    project
        .tidegate(["migrate", "apply", "--release", "1.0.0"])
        .exits(1);
    project.change("0001_x.sql", "create table z (a int);\nselect 1/1;");
    apply(&project, "1.0.0");
    assert_eq!(database.value::<i64>("select count(*) from z"), 0);
    // Once it ran, its file is fixed.
    project.change("0001_x.sql", "create table z (a int);");
    let edited = project
        .tidegate(["migrate", "apply", "--release", "1.0.0", "--format", "json"])
        .exits(3);
    assert_eq!(edited.error()["code"], "TG0405");
}

#[test]
fn a_script_cannot_end_its_transaction() {
    let database = Database::new();
    let project = Project::new(&database);
    project.change(
        "0001_x.sql",
        "begin;\ncreate table z (a int);\ncommit;\nselect 1/0;",
    );
    let refused = project
        .tidegate(["migrate", "apply", "--release", "1.0.0", "--format", "json"])
        .exits(2);
    assert_eq!(refused.error()["at"]["line"], 1);
    assert_eq!(database.rows("select to_regclass('z') is null"), ["t"]);
}

#[test]
fn what_a_script_sets_does_not_outlive_it() {
    let database = Database::with_schema(PLAIN);
    let project = Project::new(&database);
    project.change(
        "0001_x.sql",
        "select set_config('search_path', '', false); set role pg_read_all_data; set timezone = 'Asia/Tokyo';",
    );
    project.change("0002_y.sql", "create table y (a int);");
    project.change(
        "0003_z.toml",
        &replace("t", "a", TO_BIGINT, "a::bigint", "b::text"),
    );
    apply(&project, "2.1.0");
    assert_eq!(
        database.rows("select to_regclass('public.y') is not null"),
        ["t"]
    );
}

#[test]
fn statements_outside_a_transaction_are_undone_and_resumed() {
    let database = Database::with_schema(PLAIN);
    let project = Project::new(&database);
    let up = "-- tidegate: transaction=off\ncreate index concurrently i1 on t (a);\ncreate unique index concurrently i2 on t (c);";
    project.change("0001_x.sql", up);
    project.change(
        "0001_x.down.sql",
        "drop index concurrently if exists i2;\ndrop index concurrently if exists i1;",
    );
    let indexes = "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 't'::regclass order by 1";
    project
        .tidegate(["migrate", "apply", "--release", "1.0.0"])
        .exits(1);
    assert_eq!(database.rows(indexes), ["i1|t", "i2|f", "t_pkey|t"]);
    project
        .tidegate(["migrate", "rollback", "--change", "1"])
        .ok();
    assert_eq!(database.rows(indexes), ["t_pkey|t"]);
    // The index that a failed build left is not taken for the one that is wanted.
    project
        .tidegate(["migrate", "apply", "--release", "1.0.0"])
        .exits(1);
    database.execute("update t set c = id");
    apply(&project, "1.0.0");
    assert_eq!(database.rows(indexes), ["i1|t", "i2|t", "t_pkey|t"]);
}

#[test]
fn changes_are_taken_back_by_number_not_by_letter() {
    let database = Database::new();
    let project = Project::new(&database);
    project.change("2_a.sql", "create table z (a int)");
    project.change("2_a.down.sql", "drop table z");
    project.change("10_b.sql", "alter table z add b int");
    project.change("10_b.down.sql", "alter table z drop b");
    apply(&project, "1.0.0");
    project
        .tidegate(["migrate", "rollback", "--release", "0.0.0"])
        .ok();
    assert_eq!(database.rows("select to_regclass('z') is null"), ["t"]);
}

#[test]
fn drift_of_every_kind_is_found() {
    for (fault, found) in [
        ("", ""),
        ("drop trigger zzz_tidegate_0001_1_b on t", "is gone"),
        (
            "alter table t disable trigger zzz_tidegate_0001_1_b",
            "is disabled",
        ),
        (
            "alter table t enable trigger zzz_tidegate_0001_1_b",
            "not fire in every",
        ),
        (
            "create or replace function tidegate.keep_0001_1_b() returns trigger language plpgsql as 'begin return new; end'",
            "altered",
        ),
        ("drop index t_b_idx", "index is gone"),
        ("alter table t drop constraint t_b_fkey", "foreign key"),
        (
            "alter table t drop constraint t_b_fkey, alter b type numeric",
            "the type is numeric",
        ),
        ("alter table t alter a type varchar(40)", "it was text"),
        ("alter table t drop b cascade", "column is gone"),
    ] {
        let (database, project) = change_of_a(
            "create table u (id bigint primary key); insert into u select generate_series(1, 100);\
             create table t (id int primary key, a text, c text); create index on t (a);\
             insert into t select g, g::text, g::text from generate_series(1, 100) g;",
            "name = 'b', type = 'bigint', references = 'u(id)'",
            "a::bigint",
            "b::text",
        );
        // Another change on the same table must not stand in for the first one.
        project.change(
            "0002_y.toml",
            &replace(
                "t",
                "c",
                "name = 'd', type = 'bigint'",
                "c::bigint",
                "d::text",
            ),
        );
        apply(&project, "2.1.0");
        database.execute(fault);
        let verify = project.tidegate(["migrate", "verify", "--format", "json"]);
        if found.is_empty() {
            verify.ok();
            continue;
        }
        let outcome = verify.exits(3);
        assert!(
            outcome.stdout.contains(found),
            "{fault}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn filling_a_column_keeps_every_value_that_is_there() {
    let database = Database::with_schema(
        "create table t (id int primary key, email text);\
         insert into t select g, case when g % 10 > 0 then 'u' || g end from generate_series(1, 300) g;",
    );
    let project = Project::new(&database);
    let schedule = "version = 1\ntitle = \"x\"\n[schedule]\nexpand = \"2.1.0\"\nenforce = \"2.2.0\"\ncontract = \"2.3.0\"\n";
    project.change(
        "0001_x.toml",
        &format!(
            "{schedule}[[operation]]\nkind = \"set_not_null\"\ntable = \"t\"\ncolumn = \"email\"\nup = \"'none' || id\"\n\
             [[operation]]\nkind = \"add_column\"\ntable = \"t\"\ncolumn = {{ name = \"size\", type = \"int\", not_null = true }}\n\
             up = \"length(coalesce(email, ''))\"\n"
        ),
    );
    apply(&project, "2.1.0");
    // The new app has a mind of its own; the old one changes what `up` was computed from.
    database.execute(
        "update t set size = 77 where id = 1; update t set email = 'somebody else' where id = 2; \
        insert into t (id, email) values (1000, null)",
    );
    for release in ["2.2.0", "2.3.0"] {
        apply(&project, release);
    }
    assert_eq!(
        database.rows("select id, email, size from t where id in (1, 2, 3, 10, 1000) order by id"),
        [
            "1|u1|77",
            "2|somebody else|2",
            "3|u3|2",
            "10|none10|6",
            "1000|none1000|8"
        ]
    );
    assert_eq!(
        database.value::<i64>("select count(*) from t where email = 'u' || id"),
        269
    );
}

#[test]
fn a_detached_backfill_has_its_job_at_once() {
    let (database, project) = change_of_a(PLAIN, TO_BIGINT, "a::bigint", "b::text");
    project
        .tidegate([
            "migrate",
            "apply",
            "--release",
            "2.1.0",
            "--backfill",
            "detach",
        ])
        .ok();
    let status = project.tidegate(["backfill", "status"]).data();
    assert_eq!(status["jobs"][0]["id"], "b1");
    project.tidegate(["backfill", "run", "b1"]).ok();
    apply(&project, "2.2.0");
    assert_eq!(database.value::<i64>("select count(b) from t"), 300);
}
