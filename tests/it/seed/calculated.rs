//! Conditions that calculate, and small things that a person gets wrong.

use super::stage::Stage;

#[test]
fn conditions_calculate_as_the_server_does() {
    let stage = Stage::new(
        "create table product (id serial primary key, a int not null, b int not null, check (a * b > 0));
         create table total (id serial primary key, a smallint not null, b smallint not null, check (a + b < 60000));
         create table room (id serial primary key, big smallint not null check (big >= 1), small smallint not null check (small >= 0), check (big + small <= 8));
         create table audit (id serial primary key, action char(1) not null check (action in ('I', 'U', 'D')), old text, new text,
            check (case action when 'I' then old is null and new is not null when 'D' then old is not null and new is null end));
         create table few (v int not null unique check (v <> 5 and v between 1 and 9))",
    );
    stage.run(["--rows", "500", "--seed", "3"]);
    let found = "select (select count(*) from product), (select count(*) from total), (select count(*) from room), (select count(*) from audit),
        (select count(*) from few), (select count(distinct big) > 3 from room), (select count(distinct action) from audit where old is null or new is null)";
    assert_eq!(stage.database.rows(found), ["500|500|500|500|8|t|3"]);
    stage.prove();
}

#[test]
fn an_equation_that_decides_a_column_says_how() {
    let tables = "create table bill (id serial primary key, subtotal numeric(9, 2) not null, tax numeric(9, 2) not null, total numeric(9, 2) not null, check (total = subtotal + tax))";
    let stage = Stage::new(tables);
    let error = stage
        .cli(["run", "--rows", "50", "--format", "json"])
        .exits(2)
        .error();
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("[tables.bill] columns.total = { sql ="),
        "{error}"
    );
    stage.project.write(
        "seeds/a.toml",
        "version = 1\n[tables.bill]\ncolumns.total = { sql = \"subtotal + tax\" }\n",
    );
    stage.run(["--rows", "50"]);
    stage.prove();
}

#[test]
fn what_is_wrong_with_files_is_said_with_their_names() {
    let stage = Stage::new("create table users (id int primary key)");
    let twice = "version = 1\n[tables.users]\nrows = 3\n[tables.\"public.users\"]\nrows = 4\n";
    stage.project.write("seeds/a.toml", twice);
    let plan = ["plan", "--format", "json"];
    let error = stage.cli(plan).exits(2).error();
    assert!(error.to_string().contains("the same table"), "{error}");
    let file = stage.project.write("seeds/a.toml", "version = 1\n");
    std::fs::create_dir(file.with_file_name("folder.toml")).unwrap();
    stage.cli(plan).ok();
    std::fs::write(&file, b"version = 1 # \xff\n").unwrap();
    let error = stage.cli(plan).exits(2).error();
    assert!(error.to_string().contains("a.toml"), "{error}");
    for (args, says) in [
        (
            &["profile", "--compare", "nowhere.json"][..],
            "nowhere.json",
        ),
        (&["profile", "../../evil"], "is a path"),
    ] {
        let outcome = stage.cli(args.iter().copied()).exits(2);
        assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    }
    let stage =
        Stage::new("create type nothing as enum (); create table t (e nothing not null, v text)");
    let error = stage.cli(plan).exits(2).error();
    assert!(error.to_string().contains("has no value"), "{error}");
    let stage = Stage::new("create table t (v text)");
    let spec = "version = 1\n[tables.t]\ncolumns.v = { pattern = \"[a-z\" }\n";
    stage.project.write("seeds/a.toml", spec);
    let error = stage.cli(plan).exits(2).error();
    assert!(
        error.to_string().contains("regular expression [a-z"),
        "{error}"
    );
}

/// Rows that somebody wrote while a run was unfinished go with it only when that is said.
#[test]
fn an_unfinished_run_takes_no_row_of_others_along() {
    let stage = Stage::new(
        "create table big (id serial primary key, v text not null); create table notes (id serial primary key, body text not null)",
    );
    let child = stage
        .cli(["run", "--rows", "20000", "--chunk-rows", "200"])
        .spawn();
    crate::schedule::eventually("a range", || {
        stage
            .database
            .value::<bool>("select to_regclass('tidegate.seed_chunk') is not null")
            && stage
                .database
                .value::<i64>("select count(*) from tidegate.seed_chunk where done")
                > 5
    });
    child.kill();
    stage
        .database
        .execute("insert into notes (id, body) values (-1, 'mine')");
    for args in [&["run", "--rows", "10"][..], &["run", "--abandon"]] {
        let error = stage
            .cli(args.iter().copied())
            .args(["--format", "json"])
            .run()
            .error();
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("notes holds rows"), "{error}");
    }
    let mine = "select count(*) from notes where id = -1";
    assert_eq!(stage.database.value::<i64>(mine), 1);
    stage.run(["--rows", "10", "--yes"]);
    assert_eq!(stage.database.value::<i64>(mine), 0);
    stage.prove();
}
