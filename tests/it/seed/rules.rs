//! Rules of `seeds/*.toml` that the server has a part in.

use super::stage::{Stage, digests};

/// Columns of every kind that a derived one meets: an identity that COPY alone writes, one that is not
/// null, a CHECK, partitions, a generated column over it.
const DERIVED: &str = "
create table person (
    id int generated always as identity primary key, first_name text not null, last_name text not null, born date not null,
    full_name text not null check (full_name like '% %'), initials varchar(2), born_in int not null,
    shout text generated always as (upper(full_name)) stored);
create table visit (id bigint not null, at date not null, year smallint not null, month text) partition by list (year);
create table visit_old partition of visit for values in (2019, 2020, 2021, 2022);
create table visit_new partition of visit default;
";

const SPEC: &str = r#"
version = 1
[tables.person]
columns.full_name = { sql = "first_name || ' ' || last_name" }
columns.initials = { sql = "left(first_name, 1) || left(last_name, 1)" }
columns.born_in = { sql = "extract(year from born)" }
[tables.visit]
columns.at = { between = ["2019-01-01", "2025-12-31"] }
columns.year = { sql = "extract(year from at)::smallint" }
columns.month = { sql = "case when at < '2022-01-01' then to_month(at) end" }
"#;

const FUNCTION: &str = "create function to_month(d date) returns text language sql immutable as $$ select extract(month from d)::text $$;";

fn stage(spec: &str) -> Stage {
    let stage = Stage::new(&format!("{FUNCTION}{DERIVED}"));
    stage.project.write("seeds/rules.toml", spec);
    stage
}

const ARGS: [&str; 7] = [
    "run",
    "--rows",
    "3000",
    "--seed",
    "5",
    "--chunk-rows",
    "256",
];

#[test]
fn columns_are_derived_by_sql() {
    let whole = stage(SPEC);
    let expected = digests(&whole.cli(ARGS).data());
    let wrong = "select (select count(*) from person where full_name <> first_name || ' ' || last_name
            or initials <> left(first_name, 1) || left(last_name, 1) or born_in <> extract(year from born) or shout <> upper(full_name)),
        (select count(*) from visit where year <> extract(year from at)
            or month is distinct from case when at < '2022-01-01' then extract(month from at)::text end),
        (select count(*) from person), (select count(distinct born_in) > 10 from person), (select count(*) > 0 from visit_old)";
    assert_eq!(whole.database.rows(wrong), ["0|0|3000|t|t"]);
    whole.prove();
    let workers = stage(SPEC);
    let data = workers.cli(ARGS).args(["--workers", "8"]).data();
    assert_eq!(digests(&data), expected);
    let all = "select md5(string_agg(p::text, ';' order by id)), (select md5(string_agg(v::text, ';' order by id)) from visit v) from person p";
    assert_eq!(workers.database.rows(all), whole.database.rows(all));
    // The expression is part of the digest, its value is not known to who makes it.
    let other = stage(&SPEC.replace("left(first_name, 1)", "left(first_name, 0)"));
    let found = digests(&other.cli(ARGS).data());
    assert_ne!(found[0], expected[0]);
    assert_eq!(found[1], expected[1]);
    assert_eq!(whole.cli(ARGS).data()["already"], true);
    let page = whole.cli(["plan"]).ok().stdout;
    assert!(
        page.contains("by the server: extract(year from born)"),
        "{page}"
    );
}

#[test]
fn a_run_with_derived_columns_is_killed_and_gone_on_with() {
    let whole = stage(SPEC);
    let expected = digests(&whole.cli(ARGS).data());
    let killed = stage(SPEC);
    let child = killed.cli(ARGS).spawn();
    let done = "select count(*) from tidegate.seed_chunk where done";
    crate::schedule::eventually("a range", || {
        killed
            .database
            .value::<bool>("select to_regclass('tidegate.seed_chunk') is not null")
            && killed.database.value::<i64>(done) > 2
    });
    child.kill();
    let data = killed.cli(ARGS).data();
    assert_eq!(data["resumed"], true, "{data}");
    assert_eq!(digests(&data), expected);
    killed.prove();
}

/// What the server or the keys do not allow is told before the first row, with the column.
#[test]
fn what_cannot_be_derived_is_refused() {
    for (column, sql, says) in [
        (
            "full_name",
            "random()::text || ' '",
            "another value another time",
        ),
        (
            "full_name",
            "now()::text || ' '",
            "another value another time",
        ),
        (
            "full_name",
            "(select max(last_name) from person)",
            "subquer",
        ),
        ("full_name", "first_name || nobody", "nobody"),
        ("full_name", "first_name ||", "sql"),
        ("full_name", "initials || ' '", "initials"),
        (
            "full_name",
            "first_name || last_name",
            "person_full_name_check",
        ),
        ("full_name", "null::text", "full_name"),
        ("initials", "first_name || last_name", "22001"),
        ("id", "length(last_name)", "person_pkey"),
        ("shout", "first_name", "generated"),
    ] {
        let spec =
            "version = 1\n[tables.person]\ncolumns.initials = { sql = \"left(first_name, 2)\" }\n";
        let line = format!("columns.{column} = {{ sql = \"{sql}\" }}\n");
        let spec = if column == "initials" {
            format!("version = 1\n[tables.person]\n{line}")
        } else {
            format!("{spec}{line}")
        };
        let stage = stage(&spec);
        let outcome = stage
            .cli(["run", "--rows", "300", "--format", "json"])
            .run();
        let text = &outcome.stderr;
        assert_ne!(outcome.code(), Some(0), "{column}: {sql}");
        assert!(text.contains(says), "{column}: {sql}: {text}");
        assert_eq!(
            stage.database.value::<i64>("select count(*) from person"),
            0,
            "{sql}"
        );
    }
}

#[test]
fn a_table_with_rules_takes_no_derived_columns() {
    let stage = stage(SPEC);
    stage
        .database
        .execute("create rule quiet as on insert to person do instead nothing");
    let outcome = stage.cli(ARGS).run();
    assert!(
        outcome.stderr.contains("rules for inserts"),
        "{}",
        outcome.stderr
    );
}

const DEVICE: &str = "create table device (id int primary key, address inet not null unique, net cidr not null, gate inet, note text not null,
            profile jsonb not null check (jsonb_typeof(profile) = 'object' and (profile->>'age')::int between 18 and 99),
            settings json not null, key jsonb unique)";

const DEVICES: &str = r#"
version = 1
[tables.device]
columns.address = { network = "192.168.0.0/20" }
columns.net = { network = "2001:db8::/32", prefix = 48 }
columns.gate = { between = ["10.0.0.1", "10.0.0.9"], nulls = 0.5 }
columns.note = { network = "172.16.0.0/12" }
columns.settings = { sample = { theme = "dark", size = 12, panes = [{ open = true }], contact = { email = "a@example.com" } } }
columns.key = { sample = '{"id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}' }
[tables.device.columns.profile.schema]
type = "object"
required = ["age", "email"]
properties.age = { type = "integer", minimum = 18, maximum = 99 }
properties.email = { type = "string", format = "email" }
properties.code = { type = "string", pattern = "^[A-Z]{3}$" }
properties.tags = { type = "array", items = { enum = ["a", "b"] }, maxItems = 3 }
"#;

fn devices(spec: &str) -> Stage {
    let stage = Stage::new(DEVICE);
    stage.project.write("seeds/device.toml", spec);
    stage
}

#[test]
fn documents_and_addresses_are_of_their_shape_and_range() {
    let stage = devices(DEVICES);
    stage.run(["--rows", "2000"]);
    let wrong = "select count(*), count(*) filter (where not address << '192.168.0.0/20'), count(*) filter (where not net << '2001:db8::/32' or masklen(net) <> 48),
        count(*) filter (where gate not between '10.0.0.1' and '10.0.0.9'), count(*) filter (where not note::inet << '172.16.0.0/12'),
        count(*) filter (where profile->>'email' not like '%@%' or profile->>'code' !~ '^[A-Z]{3}$' or not profile->'tags' <@ '[\"a\", \"b\"]'),
        count(*) filter (where json_typeof(settings->'panes'->0->'open') <> 'boolean' or settings->'contact'->>'email' not like '%@%' or (settings->>'size')::int > 24),
        count(profile->'tags') between 1500 and 1700, count(distinct settings::text) > 1500, count(distinct key->>'id')
        from device";
    assert_eq!(stage.database.rows(wrong), ["2000|0|0|0|0|0|0|t|t|2000"]);
    stage.prove();
}

const EVENTS: &str = r##"
version = 1
[tables.event]
rows = 3000
[tables.event.columns.body]
schema = """{
  "$defs": {
    "money": { "type": "object", "required": ["amount", "currency"],
      "properties": { "amount": { "type": "number", "minimum": 0, "maximum": 500 }, "currency": { "enum": ["EUR", "USD"] } } },
    "base": { "type": "object", "required": ["id", "kind"], "properties": { "id": { "type": "string", "format": "uuid" }, "kind": { "type": "string" } } },
    "node": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string", "maxLength": 12 },
      "parts": { "type": "array", "items": { "$ref": "#/$defs/node" }, "maxItems": 2 }, "next": { "$ref": "#/$defs/node" } } }
  },
  "allOf": [{ "$ref": "#/$defs/base" }],
  "oneOf": [
    { "required": ["total"], "properties": { "kind": { "const": "paid" }, "total": { "$ref": "#/$defs/money" } } },
    { "required": ["reason"], "properties": { "kind": { "const": "refused" }, "reason": { "anyOf": [{ "type": "string", "minLength": 3 }, { "type": "integer", "minimum": 1 }] } } },
    { "properties": { "kind": { "enum": ["built", "paid"], "const": "built" }, "tree": { "$ref": "#/$defs/node" } } }
  ]
}"""
"##;

/// What the server reads out of the documents, not what made them.
#[test]
fn documents_of_schemas_that_are_made_of_others() {
    let stage = Stage::new("create table event (id int primary key, body jsonb not null)");
    stage.project.write("seeds/event.toml", EVENTS);
    stage.run(["--seed", "2"]);
    let wrong = "select count(*) filter (where not body ?& array['id', 'kind'] or body->>'id' !~ '^[0-9a-f-]{36}$'),
        count(*) filter (where body->>'kind' = 'paid' and not (body ? 'total' and (body->'total'->>'amount')::numeric between 0 and 500
            and body->'total'->>'currency' in ('EUR', 'USD'))),
        count(*) filter (where body->>'kind' = 'refused' and not (body ? 'reason' and (jsonb_typeof(body->'reason') = 'string' and length(body->>'reason') >= 3
            or jsonb_typeof(body->'reason') = 'number' and (body->>'reason')::int >= 1))),
        count(*) filter (where body->>'kind' not in ('paid', 'refused', 'built')),
        count(*) filter (where jsonb_path_exists(body, '$.tree.**.name ? (@.type() != \"string\" || @ like_regex \".{13}\")')
            or jsonb_path_exists(body, '$.tree.** ? (@.type() == \"object\" && !exists(@.name))'))
        from event";
    assert_eq!(stage.database.rows(wrong), ["0|0|0|0|0"]);
    let kinds = "select bool_and(n > 800), count(*) from (select count(*) n from event group by body->>'kind') k";
    assert_eq!(stage.database.rows(kinds), ["t|3"]);
    let deep = "select count(*) > 50, bool_and(not jsonb_path_exists(body, '$.tree.next.next.next')) from event where jsonb_path_exists(body, '$.tree.next.parts[*].name')";
    assert_eq!(stage.database.rows(deep), ["t|t"]);
}

#[test]
fn what_is_wrong_with_documents_and_addresses_has_a_place() {
    let stage = devices("version = 1\n");
    for (rule, says, code) in [
        (
            "profile = { schema = { type = \"object\", requires = {} } }",
            "schema /: \"requires\" is not understood",
            "TG0901",
        ),
        (
            "profile = { schema = \"{\" }",
            "schema is no JSON",
            "TG0901",
        ),
        (
            "address = { network = \"10.0.0.1/8\" }",
            "no network such as",
            "TG0901",
        ),
        (
            "address = { network = \"10.0.0.0/8\", prefix = 4 }",
            "prefix is from 8 to 32",
            "TG0901",
        ),
        (
            "net = { prefix = 4, constant = \"10.0.0.0/8\" }",
            "prefix belongs to network",
            "TG0901",
        ),
        (
            "gate = { between = [\"10.0.0.9\", \"10.0.0.1\"] }",
            "greater",
            "TG0901",
        ),
        ("note = { sample = { a = 1 } }", "does not fit", "TG0901"),
        (
            "address = { network = \"192.168.0.0/26\" }",
            "room for 64 rows",
            "TG0902",
        ),
    ] {
        stage.project.write(
            "seeds/device.toml",
            &format!("version = 1\n[tables.device]\nrows = 100\ncolumns.{rule}\n"),
        );
        let outcome = stage.cli(["plan", "--format", "json"]).run();
        assert_ne!(outcome.code(), Some(0), "{rule}");
        let error = outcome.error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "{rule}: {message}");
        assert_eq!(error["code"], code, "{rule}: {message}");
        if code == "TG0901" {
            assert_eq!(error["at"]["line"], 4, "{rule}: {error}");
        }
    }
}

/// The JSON Schema of the format knows every rule that the reader takes, and no other.
#[test]
fn the_format_has_a_json_schema() {
    let stage = Stage::new("create table a (id int primary key)");
    let outcome = stage.project.tidegate(["config", "schema", "seeds"]).ok();
    let schema: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let of = |name: &str| {
        let found = schema["$defs"][name]["properties"]
            .as_object()
            .unwrap()
            .keys();
        found.cloned().collect::<Vec<String>>()
    };
    let top: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(
        top,
        [
            "version",
            "seed",
            "scale",
            "locale",
            "tenancy",
            "tables",
            "scenarios"
        ]
    );
    assert_eq!(of("Table"), ["rows", "per", "locale", "columns"]);
    let rules = of("Written").join(", ");
    // The reader names all that it takes when it meets another.
    stage.project.write(
        "seeds/a.toml",
        "version = 1\n[tables.a]\ncolumns.id = { nonsense = 1 }\n",
    );
    let error = stage.cli(["plan", "--format", "json"]).exits(2).error();
    let message = error["message"].as_str().unwrap().replace('`', "");
    assert!(
        message.ends_with(&format!("expected one of {rules}")),
        "{message}\n{rules}"
    );
}

/// What the spec says of rows stands before `--rows`, as its help says; names are checked whatever the
/// tables of the run.
#[test]
fn the_spec_stands_before_the_number_of_rows() {
    let stage = Stage::new(
        "create table users (id int primary key); create table other (id int primary key);
         create table orders (id int primary key, user_id int not null references users)",
    );
    let spec = "version = 1\n[tables.users]\nrows = 100\n[tables.orders]\nper = { parent = \"users\", count = 3 }\n";
    stage.project.write("seeds/a.toml", spec);
    let plan = stage.cli(["plan", "--rows", "200"]).data();
    let rows = |name: &str| {
        let tables = plan["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["name"]["name"] == name);
        table.unwrap()["rows"].as_u64()
    };
    assert_eq!(
        [rows("users"), rows("orders"), rows("other")],
        [Some(100), Some(300), Some(200)]
    );
    for (wrong, line) in [
        (spec.replace("\"users\"", "\"userz\""), 5),
        (format!("{spec}columns.idd = 1\n"), 6),
    ] {
        stage.project.write("seeds/a.toml", &wrong);
        for args in [["--rows", "200"], ["--table", "other"]] {
            let error = stage
                .cli(["plan", "--format", "json"])
                .args(args)
                .exits(2)
                .error();
            assert_eq!(error["code"], "TG0901", "{error}");
            assert_eq!(error["at"]["line"], line, "{error}");
        }
    }
}

#[test]
fn a_locale_without_lists_is_an_error() {
    let stage = Stage::new("create table a (id int primary key, name text)");
    for (spec, line) in [
        ("version = 1\nlocale = \"klingon\"\n", 2),
        ("version = 1\n[tables.a]\nlocale = \"klingon\"\n", 3),
        (
            "version = 1\n[tables.a]\ncolumns.name = { locale = \"klingon\" }\n",
            3,
        ),
    ] {
        stage.project.write("seeds/a.toml", spec);
        let error = stage.cli(["plan", "--format", "json"]).exits(2).error();
        assert_eq!(
            (&error["code"], &error["at"]["line"]),
            (&"TG0901".into(), &line.into())
        );
        assert!(error["hint"].to_string().contains("pt_BR"), "{error}");
    }
}
