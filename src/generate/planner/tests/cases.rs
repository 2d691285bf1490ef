//! Schemas that real applications have.

use super::judge::{Data, generate, judge};
use super::property::short;
use super::schema::{catalog, check, exclude, foreign_key, primary_key, table, unique};
use crate::catalog::{Catalog, Table};
use crate::error::{Kind, Result};
use crate::generate::condition::{Condition, Expression};
use crate::generate::plan::SeedPlan;
use crate::generate::planner::{Options, Standing, plan};
use crate::generate::rows::Keys;
use crate::generate::spec::{Spec, SpecText};

#[cfg(test)]
fn spec(text: &str) -> Spec {
    Spec::read(&[SpecText {
        path: "seeds/a.toml".into(),
        text: text.into(),
    }])
    .unwrap()
}

#[cfg(test)]
fn options() -> Options {
    Options {
        seed: Some(7),
        today: 800_000_000_000_000,
        ..Options::default()
    }
}

#[cfg(test)]
pub(super) fn planned(catalog: &Catalog, spec: &str) -> Result<SeedPlan> {
    let text = format!("version = 1\n{spec}");
    plan(
        catalog,
        &self::spec(&text),
        &options(),
        &Standing::default(),
    )
}

#[cfg(test)]
pub(super) fn proven(catalog: &Catalog, spec: &str) -> (SeedPlan, Data) {
    let plan = planned(catalog, spec).unwrap();
    let data = generate(&plan, &Keys::new()).unwrap();
    let wrong = judge(catalog, &data, &[]);
    assert!(wrong.is_empty(), "{wrong:#?}\n{:#?}", short(&plan));
    (plan, data)
}

#[cfg(test)]
fn users() -> Table {
    let mut users = table("users", &["id integer not null", "email text not null"]);
    primary_key(&mut users, &["id"]);
    unique(&mut users, &["email"]);
    users
}

#[cfg(test)]
fn shop() -> Catalog {
    let mut orders = table(
        "orders",
        &[
            "id bigint not null",
            "user_id integer not null",
            "created_at timestamp with time zone not null",
        ],
    );
    primary_key(&mut orders, &["id"]);
    foreign_key(&mut orders, &["user_id"], "users", &["id"]);
    let mut products = table("products", &["id integer not null", "name text"]);
    primary_key(&mut products, &["id"]);
    let mut items = table(
        "items",
        &[
            "order_id bigint not null",
            "line integer not null",
            "product_id integer not null",
        ],
    );
    primary_key(&mut items, &["order_id", "line"]);
    unique(&mut items, &["order_id", "product_id"]);
    foreign_key(&mut items, &["order_id"], "orders", &["id"]);
    foreign_key(&mut items, &["product_id"], "products", &["id"]);
    catalog(vec![users(), orders, products, items])
}

#[test]
fn a_shop_needs_no_spec() {
    let (plan, data) = proven(&shop(), "");
    assert_eq!(plan.rows(), 4000);
    let lines = data["items"]
        .iter()
        .map(|row| row["line"].parse::<i64>().unwrap());
    assert!(lines.max().unwrap() < 1000, "{:#?}", short(&plan));
}

#[test]
fn a_person_is_one_person_and_times_follow_each_other() {
    let mut people = table(
        "people",
        &[
            "id bigint not null",
            "first_name text not null",
            "last_name text not null",
            "email text not null",
            "created_at timestamp with time zone not null",
            "updated_at timestamp with time zone not null",
        ],
    );
    primary_key(&mut people, &["id"]);
    unique(&mut people, &["email"]);
    let (_, data) = proven(&catalog(vec![people]), "");
    for row in &data["people"] {
        let (first, email) = (row["first_name"].to_lowercase(), &row["email"]);
        let plain: String = first.chars().filter(char::is_ascii_lowercase).collect();
        assert!(email.starts_with(&plain), "{row:?}");
        assert!(row["created_at"] <= row["updated_at"], "{row:?}");
    }
}

#[test]
fn children_are_counted_by_parent() {
    let (plan, data) = proven(
        &shop(),
        "[tables.orders]\nrows = 300\n[tables.items]\nper = { parent = \"orders\", count = { uniform = { min = 1, max = 7 } } }\n",
    );
    let mut families = std::collections::BTreeMap::new();
    for row in &data["items"] {
        *families.entry(row["order_id"].clone()).or_insert(0) += 1;
    }
    assert_eq!(families.len(), 300);
    assert!(families.values().all(|count| (1..=7).contains(count)));
    let items = plan
        .tables
        .iter()
        .find(|t| t.name.name.as_str() == "items")
        .unwrap();
    assert_eq!(items.rows, data["items"].len() as u64);
}

#[test]
fn rows_of_a_tenant_stay_with_it() {
    let mut tenants = table("tenants", &["id integer not null"]);
    primary_key(&mut tenants, &["id"]);
    let within = |name: &str| {
        let mut table = table(name, &["tenant_id integer not null", "id integer not null"]);
        primary_key(&mut table, &["tenant_id", "id"]);
        foreign_key(&mut table, &["tenant_id"], "tenants", &["id"]);
        table
    };
    let mut members = table(
        "members",
        &[
            "tenant_id integer not null",
            "project_id integer not null",
            "person_id integer not null",
        ],
    );
    primary_key(&mut members, &["tenant_id", "project_id", "person_id"]);
    for parent in ["projects", "people"] {
        let column = if parent == "people" {
            "person_id"
        } else {
            "project_id"
        };
        foreign_key(
            &mut members,
            &["tenant_id", column],
            parent,
            &["tenant_id", "id"],
        );
    }
    let catalog = catalog(vec![tenants, within("projects"), within("people"), members]);
    let (_, data) = proven(&catalog, "[tables.tenants]\nrows = 20\n");
    assert_eq!(data["members"].len(), 1000);
    let used: std::collections::BTreeSet<_> =
        data["members"].iter().map(|r| &r["tenant_id"]).collect();
    assert_eq!(used.len(), 20);
}

#[test]
fn cycles_and_self_references_are_met() {
    let mut departments = table(
        "departments",
        &["id integer not null", "head_id integer not null"],
    );
    primary_key(&mut departments, &["id"]);
    foreign_key(&mut departments, &["head_id"], "employees", &["id"]);
    unique(&mut departments, &["head_id"]);
    let mut employees = table(
        "employees",
        &[
            "id integer not null",
            "department_id integer not null",
            "boss_id integer",
        ],
    );
    primary_key(&mut employees, &["id"]);
    foreign_key(&mut employees, &["department_id"], "departments", &["id"]);
    foreign_key(&mut employees, &["boss_id"], "employees", &["id"]);
    let (_, data) = proven(&catalog(vec![departments, employees]), "");
    assert!(
        !data["employees"][0].contains_key("boss_id"),
        "the first has no boss"
    );
}

#[test]
fn keys_that_are_each_others_are_refused_by_name() {
    let mut a = table("a", &["id text not null"]);
    primary_key(&mut a, &["id"]);
    foreign_key(&mut a, &["id"], "b", &["id"]);
    let mut b = table("b", &["id text not null"]);
    primary_key(&mut b, &["id"]);
    foreign_key(&mut b, &["id"], "a", &["id"]);
    let error = planned(&catalog(vec![a, b]), "").unwrap_err();
    assert_eq!(error.kind(), Kind::SeedPlan);
    assert!(error.to_string().contains("_id_fkey1"), "{error}");
}

#[test]
fn too_many_rows_are_refused_when_asked_for_and_reduced_otherwise() {
    let mut moods = table("moods", &["mood public.mood not null"]);
    primary_key(&mut moods, &["mood"]);
    let catalog = catalog(vec![moods]);
    let (plan, _) = proven(&catalog, "");
    assert_eq!(plan.rows(), 3);
    assert!(plan.notes[0].contains("moods_pkey"), "{:?}", plan.notes);
    let error = planned(&catalog, "[tables.moods]\nrows = 4\n").unwrap_err();
    assert!(error.to_string().contains("room for 3 rows"), "{error}");
}

#[test]
fn rows_of_a_scenario_come_first() {
    let text = "[[scenarios.refund.users]]\nid = 7\nemail = \"a@example.com\"\n";
    let spec = spec(&format!("version = 1\n{text}"));
    let mut options = options();
    options.scenario = Some("refund".into());
    let catalog = shop();
    let plan = plan(&catalog, &spec, &options, &Standing::default()).unwrap();
    let data = generate(&plan, &Keys::new()).unwrap();
    assert!(judge(&catalog, &data, &[]).is_empty());
    assert_eq!(data["users"][0]["email"], "a@example.com");
    assert_eq!(data["users"][0]["id"], "7");
    assert_eq!(data["users"][1]["id"], "9");
    options.scenario = Some("refnd".into());
    let error = super::super::plan(&catalog, &spec, &options, &Standing::default()).unwrap_err();
    assert!(error.hint_text().contains("refund"));
}

#[test]
fn a_spec_that_names_what_is_not_there_is_refused() {
    for (text, hint) in [
        ("[tables.user]\nrows = 1\n", "users"),
        ("[tables.users]\ncolumns.emial = \"x\"\n", "email"),
    ] {
        let error = planned(&shop(), text).unwrap_err();
        assert_eq!(error.kind(), Kind::SeedSpec, "{error}");
        assert!(error.place().is_some());
        assert!(error.hint_text().contains(hint), "{}", error.hint_text());
    }
    for text in [
        "[tables.users]\ncolumns.id = { choice = [\"x\"] }\n",
        "[tables.users]\ncolumns.email = { nulls = 0.5 }\n",
        "[tables.orders]\ncolumns.user_id = { constant = 1 }\n",
        "[tables.orders]\ncolumns.created_at = { after = \"products.id\" }\n",
        "[tables.orders]\ncolumns.created_at = { after = \"users.email\" }\n",
        "[tables.users]\ncolumns.email = { like = \"foobar\" }\n",
        "[tables.users]\nper = { parent = \"orders\", count = 1 }\n",
    ] {
        let error = planned(&shop(), text).unwrap_err();
        assert_eq!(error.kind(), Kind::SeedSpec, "{text}: {error}");
    }
}

#[test]
fn ranges_of_a_group_do_not_meet() {
    let mut rooms = table("rooms", &["id integer not null"]);
    primary_key(&mut rooms, &["id"]);
    let mut bookings = table(
        "bookings",
        &["room_id integer not null", "during tstzrange not null"],
    );
    foreign_key(&mut bookings, &["room_id"], "rooms", &["id"]);
    exclude(
        &mut bookings,
        "EXCLUDE USING gist (room_id WITH =, during WITH &&)",
    );
    let mut shifts = table(
        "shifts",
        &[
            "person integer not null",
            "a date not null",
            "b date not null",
        ],
    );
    exclude(
        &mut shifts,
        "EXCLUDE USING gist (daterange(a, b, '[]'::text) WITH &&)",
    );
    let catalog = catalog(vec![rooms, bookings, shifts]);
    let (_, data) = proven(&catalog, "[tables.rooms]\nrows = 10\n");
    let mut booked: Vec<(String, String, String)> = data["bookings"]
        .iter()
        .map(|row| {
            let bounds = row["during"].trim_matches(['[', ')']);
            let (from, to) = bounds.split_once(',').unwrap();
            (row["room_id"].clone(), from.to_owned(), to.to_owned())
        })
        .collect();
    booked.sort();
    assert_eq!(booked.len(), 1000);
    for pair in booked.windows(2) {
        let meet = pair[0].0 == pair[1].0 && pair[0].2 > pair[1].1;
        assert!(!meet && pair[0].1 < pair[0].2, "{pair:?}");
    }
    let mut days: Vec<(&String, &String)> = data["shifts"]
        .iter()
        .map(|row| (&row["a"], &row["b"]))
        .collect();
    days.sort();
    assert_eq!(days.len(), 1000);
    assert!(
        days.windows(2)
            .all(|pair| pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0)
    );
}

#[test]
fn unique_rows_that_are_drawn_again_stay_unique() {
    let columns = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name} public.mood not null"));
    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    columns.push("flag boolean not null");
    let mut moods = table("moods", &columns);
    primary_key(&mut moods, &["a", "b", "c", "d", "e", "f", "flag"]);
    let catalog = catalog(vec![moods]);
    let mut plan = planned(&catalog, "[tables.moods]\nrows = 60\n").unwrap();
    let (flag, _) = plan.tables[0].column("flag").unwrap();
    plan.tables[0].conditions.push(Condition {
        name: "flag_is_set".into(),
        text: "flag".into(),
        expression: Expression::Column(flag),
        ways: Vec::new(),
    });
    super::super::rehearse(&plan, &Keys::new()).unwrap();
    let data = generate(&plan, &Keys::new()).unwrap();
    assert_eq!(judge(&catalog, &data, &[]), Vec::<String>::new());
    assert!(
        data["moods"]
            .iter()
            .all(|row| row["flag"] == "t" || row["flag"] == "true")
    );
}

#[test]
fn the_server_is_asked_about_conditions_that_are_not_understood() {
    let mut codes = table("codes", &["code text not null"]);
    check(&mut codes, "public.is_code(code)");
    let plan = planned(&catalog(vec![codes]), "").unwrap();
    assert_eq!(plan.asks.len(), 1);
    assert_eq!(plan.asks[0].constraint, "codes_check0");
    assert_eq!(plan.asks[0].expression, "public.is_code(code)");
}

#[test]
fn checks_are_read_and_met() {
    let mut goods = table(
        "goods",
        &[
            "id integer not null",
            "code text not null",
            "low integer not null",
            "high integer not null",
        ],
    );
    primary_key(&mut goods, &["id"]);
    unique(&mut goods, &["code"]);
    check(&mut goods, "(code ~ '^[A-Z]{3}-[0-9]{2}$'::text)");
    check(&mut goods, "(low < high)");
    check(&mut goods, "(public.is_fine(low) IS TRUE)");
    let (plan, data) = proven(&catalog(vec![goods]), "");
    let asked: Vec<&str> = plan.asks.iter().map(|ask| &ask.expression[..]).collect();
    assert_eq!(asked, ["(public.is_fine(low) IS TRUE)"]);
    let number = |row: &std::collections::BTreeMap<String, String>, name: &str| {
        row[name].parse::<i64>().unwrap()
    };
    let rows: Vec<_> = data.values().flatten().collect();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(number(row, "low") < number(row, "high"), "{row:?}");
        let code = row["code"].as_bytes();
        assert!(code.len() == 6 && code[3] == b'-', "{row:?}");
    }
}

#[test]
fn no_row_of_a_partitioned_table_is_homeless() {
    let columns = ["id integer not null", "kind integer not null"];
    let mut log = table("log", &columns);
    let mut parts = Vec::new();
    for (name, bound) in [
        ("log_low", "FOR VALUES FROM (0) TO (400000000)"),
        ("log_high", "FOR VALUES FROM (500000000) TO (900000000)"),
    ] {
        let mut part = table(name, &columns);
        part.partition_of = Some(log.name.clone());
        part.partition_bound = Some(bound.to_owned());
        log.children.push(part.name.clone());
        parts.push(part);
    }
    log.kind = crate::catalog::TableKind::Partitioned;
    log.partition_key = Some(crate::catalog::PartitionKey {
        strategy: crate::catalog::PartitionStrategy::Range,
        definition: "RANGE (kind)".to_owned(),
    });
    parts.push(log);
    let (_, data) = proven(&catalog(parts), "");
    let kinds = data
        .values()
        .flatten()
        .map(|row| row["kind"].parse::<i64>());
    let kinds: Vec<i64> = kinds.collect::<std::result::Result<_, _>>().unwrap();
    let low = kinds.iter().filter(|kind| (0..400_000_000).contains(*kind));
    let high = kinds
        .iter()
        .filter(|kind| (500_000_000..900_000_000).contains(*kind));
    let (low, high) = (low.count(), high.count());
    assert!(low > 0 && high > 0, "{low} {high}");
    assert_eq!(low + high, kinds.len());
}

#[test]
fn rows_made_from_each_other_by_keys_with_conditions_end() {
    let mut nodes = table(
        "nodes",
        &[
            "tenant integer not null",
            "id integer not null",
            "up_tenant integer",
            "up_id integer",
        ],
    );
    primary_key(&mut nodes, &["tenant", "id"]);
    foreign_key(
        &mut nodes,
        &["up_tenant", "up_id"],
        "nodes",
        &["tenant", "id"],
    );
    check(&mut nodes, "(id <> 10)");
    check(&mut nodes, "(tenant >= up_tenant)");
    check(&mut nodes, "((up_id >= 49) AND (up_id <= 54))");
    match planned(&catalog(vec![nodes]), "[tables.nodes]\nrows = 120\n") {
        Ok(plan) => assert!(generate(&plan, &Keys::new()).is_ok()),
        Err(error) => assert!(error.to_string().contains("constraint \""), "{error}"),
    }
}

#[test]
fn a_narrow_reference_holds_the_keys_that_it_refers_to() {
    let mut countries = table("countries", &["id integer not null"]);
    primary_key(&mut countries, &["id"]);
    let mut cities = table(
        "cities",
        &["id integer not null", "country smallint not null"],
    );
    primary_key(&mut cities, &["id"]);
    foreign_key(&mut cities, &["country"], "countries", &["id"]);
    let spec = "[tables.countries]\nrows = 40000\n[tables.cities]\nrows = 9000\n";
    let (_, data) = proven(&catalog(vec![countries, cities]), spec);
    let country = |row: &std::collections::BTreeMap<String, String>| row["country"].parse::<i16>();
    assert!(data["cities"].iter().all(|row| country(row).is_ok()));
}

/// 215 and 426 of the random schemas on a server: each row's reference is tried, and is to a row that
/// is tried likewise.
#[test]
fn references_that_hardly_any_row_fulfils_are_let_go_or_held() {
    let mut nodes = table("nodes", &["id text not null", "up_id text"]);
    primary_key(&mut nodes, &["id"]);
    foreign_key(&mut nodes, &["up_id"], "nodes", &["id"]);
    check(&mut nodes, "(length(id) <= 30)");
    check(
        &mut nodes,
        "(up_id = ANY (ARRAY['new'::text, 'paid'::text]))",
    );
    let mut leaves = table("leaves", &["id bigint not null", "node_id text not null"]);
    primary_key(&mut leaves, &["id"]);
    foreign_key(&mut leaves, &["node_id"], "nodes", &["id"]);
    check(&mut leaves, "(node_id ~~ 'x%'::text)");
    let (plan, data) = proven(&catalog(vec![nodes.clone(), leaves]), "");
    let text = plan.notes.join("\n");
    assert!(
        text.contains("\"nodes_up_id_fkey1\" refers to nothing"),
        "{text}"
    );
    assert!(data["nodes"].iter().all(|row| row["id"].starts_with('x')));
    // What a spec says of the reference stays.
    let spec = "[tables.nodes]\ncolumns.up_id = { nulls = 0.0 }\n";
    let error = planned(&catalog(vec![nodes]), spec).unwrap_err();
    assert_eq!(error.kind(), Kind::SeedPlan);
}

#[test]
fn a_reference_that_contradicts_its_key_is_refused() {
    let mut nodes = table("nodes", &["id text not null", "up_id text not null"]);
    primary_key(&mut nodes, &["id"]);
    foreign_key(&mut nodes, &["up_id"], "nodes", &["id"]);
    check(&mut nodes, "(id ~~ 'x%'::text)");
    check(&mut nodes, "(up_id ~ '^[A-Z]{2}[0-9]{1,6}$'::text)");
    let error = planned(&catalog(vec![nodes]), "").unwrap_err();
    assert_eq!(error.kind(), Kind::SeedPlan);
    assert!(error.to_string().contains("constraint \""), "{error}");
}

/// Each try breaks the one constraint, and some break others by chance.
#[test]
#[cfg(test)]
fn a_refusal_names_the_constraint_that_no_row_fulfils() {
    let mut node = table(
        "node",
        &[
            "id text not null",
            "size integer",
            "title character varying(12)",
            "parent_id text not null",
        ],
    );
    primary_key(&mut node, &["id"]);
    foreign_key(&mut node, &["parent_id"], "node", &["id"]);
    for condition in [
        "((size IS NULL) = (title IS NULL))",
        "((size IS NULL) OR (title IS NOT NULL))",
        "(id ~~ 'x%'::text)",
        "(parent_id ~ '^[A-Z]{2}[0-9]{1,6}$'::text)",
    ] {
        check(&mut node, condition);
    }
    let error = planned(&catalog(vec![node]), "").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("constraint \"node_check5\""), "{text}");
}

/// Tries are counted for what conditions tie together: columns beside it stay what they are.
#[test]
#[cfg(test)]
fn a_column_that_is_added_with_its_condition_changes_no_other() {
    let made = |more: bool| {
        let mut columns = vec![
            "id integer not null",
            "u integer not null",
            "w integer not null",
        ];
        if more {
            columns.extend(["q integer not null", "r integer not null"]);
        }
        let mut pairs = table("pairs", &columns);
        primary_key(&mut pairs, &["id"]);
        check(&mut pairs, "(u < w)");
        if more {
            check(&mut pairs, "(q < r)");
        }
        let (_, data) = proven(&catalog(vec![pairs]), "[tables.pairs]\nrows = 200\n");
        let rows = data["pairs"].iter();
        rows.map(|row| (row["u"].clone(), row["w"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(made(false), made(true));
}

/// Of six whole numbers one draw in 720 is in order.
#[test]
#[cfg(test)]
fn long_orders_of_numbers_are_met() {
    let columns = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name} integer not null"));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut steps = table("steps", &columns);
    for pair in ["(a < b)", "(b < c)", "(d > c)", "(d < e)", "(e < f)"] {
        check(&mut steps, pair);
    }
    proven(&catalog(vec![steps]), "[tables.steps]\nrows = 2000\n");
}
