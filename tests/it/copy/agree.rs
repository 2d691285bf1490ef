//! Columns of one row agree after masking, and rules of attributes are written as dotted keys.

use tidegate::masking::{ColumnPlan, Mask, Rule};

use super::rules::KEY;
use super::stage::Stage;

const PEOPLE: &str = "
create type sex as enum ('male', 'female', 'other');
create table people (id int primary key, first_name text, full_name text, title text, gender char(1), sex sex,
    city text, zip text, region text, country text);
insert into people select i, 'Qix' || i, 'Qix' || i || ' Brgh', (array['Mr.', 'Ms.', 'Dr.'])[1 + i % 3],
    (array['m', 'f', 'x'])[1 + i % 3], (array['male', 'female', 'other'])[1 + i % 3]::sex,
    'Springfield', '00000', 'Nowhere', 'XX' from generate_series(1, 400) i;
";

#[tokio::test(flavor = "multi_thread")]
async fn m7_gender_name_and_title_agree_and_so_do_the_parts_of_a_place() {
    let stage = Stage::new(PEOPLE);
    let mut engine = stage.engine().await;
    engine.options.promote = true;
    let opened = engine.open().await.unwrap();
    let mut plan = super::rules::masks(&opened.gathered.catalog, &[]);
    let with_id = |column: &mut ColumnPlan, text: &str| {
        let table: toml::Table = toml::from_str(&format!("a = {text}")).unwrap();
        column.rule = Rule::from_toml(&table["a"]).unwrap();
        assert_ne!(column.rule.mask, Mask::Keep);
    };
    for column in &mut plan.tables[0].columns {
        let text = match column.column.as_str() {
            "first_name" => "{ mask = \"first_name\", with = \"id\" }",
            "full_name" => "{ mask = \"person_name\", with = \"id\" }",
            "title" | "gender" | "sex" => "{ mask = \"gender\", with = \"id\" }",
            "city" => "{ mask = \"place\", part = \"city\", with = \"id\" }",
            "zip" => "{ mask = \"place\", part = \"postal_code\", with = \"id\" }",
            "region" => "{ mask = \"place\", part = \"region\", with = \"id\" }",
            "country" => "{ mask = \"place\", part = \"country_code\", with = \"id\" }",
            _ => continue,
        };
        with_id(column, text);
    }
    let outcome = opened.run(&plan, &super::rules::key()).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    for wrong in [
        "select id from people where not (title = 'Ms.' and gender = 'f' and sex = 'female' or title = 'Mr.' and gender = 'm' and sex = 'male')",
        "select id from people where split_part(full_name, ' ', 1) <> first_name",
        "select first_name from people group by 1 having count(distinct gender) > 1",
        "select city from people group by city, country having count(distinct zip) > 1 or count(distinct region) > 1",
    ] {
        assert_eq!(stage.rows(wrong).await, [""; 0], "{wrong}");
    }
    let many = "select count(distinct gender), count(distinct first_name) > 60, count(distinct city) > 60, count(distinct country) from people";
    assert_eq!(stage.rows(many).await, ["2|t|t|12"]);
}

#[test]
fn m7_attributes_are_ruled_by_dotted_keys_and_none_is_left_out() {
    let stage = Stage::new(
        "create type home as (street text, no int); \
         create table users (id int primary key, home home, old home[])",
    );
    let check = |rules: &str, code: i32| {
        let text = format!(
            "version = 1\nkey = {{ env = \"KEY\" }}\n[tables.users]\nid = \"keep\"\n{rules}"
        );
        stage.project().write("masking-rules/shop.toml", &text);
        let arguments = ["mask", "check", "--env", "production", "--format", "json"];
        let command = stage.project().tidegate(arguments).env("KEY", KEY);
        command.exits(code).json()["data"].take()
    };
    let home = "home.street = \"address\"\nhome.no = \"keep\"\n";
    let all = check(
        &format!("{home}old = {{ street = \"redact\", no = \"permute\" }}\n"),
        0,
    );
    assert_eq!(all["unfit"].as_array().map_or(0, Vec::len), 0, "{all}");
    let left = check(&format!("{home}old = {{ street = \"redact\" }}\n"), 3);
    let problem = left["unfit"][0]["problem"].as_str().unwrap();
    assert!(
        problem.contains("no rule for the attribute \"no\""),
        "{problem}"
    );
}
