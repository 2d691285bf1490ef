//! How many rows constraints have room for.

use super::cases::{planned, proven};
use super::schema::{catalog, foreign_key, primary_key, table};
use crate::catalog::Table;

#[cfg(test)]
fn parents() -> Table {
    let mut parents = table("p", &["id integer not null"]);
    primary_key(&mut parents, &["id"]);
    parents
}

#[cfg(test)]
fn only_child() -> Table {
    let mut child = table("o", &["p integer not null"]);
    primary_key(&mut child, &["p"]);
    foreign_key(&mut child, &["p"], "p", &["id"]);
    child
}

#[test]
fn each_parent_has_its_only_child() {
    let catalog = catalog(vec![parents(), only_child()]);
    let spec = |count: &str| {
        format!("[tables.p]\nrows = 50\n[tables.o]\nper = {{ parent = \"p\", count = {count} }}\n")
    };
    let (plan, _) = proven(&catalog, &spec("1"));
    assert_eq!(plan.tables[1].rows, 50);
    let (plan, _) = proven(&catalog, &spec("{ uniform = { min = 0, max = 1 } }"));
    assert!(
        (5..45).contains(&plan.tables[1].rows),
        "{}",
        plan.tables[1].rows
    );
    let error = planned(&catalog, &spec("2")).unwrap_err().to_string();
    assert!(error.contains("room for 50 rows, not for 100"), "{error}");
}

#[test]
fn each_tenant_has_its_only_row() {
    let catalog = catalog(vec![parents(), only_child()]);
    let spec = |rows: &str| {
        format!("[tenancy]\ntable = \"p\"\n[tables.p]\nrows = 25\n[tables.o]\n{rows}\n")
    };
    for rows in ["", "rows = 25"] {
        let (plan, _) = proven(&catalog, &spec(rows));
        assert_eq!(plan.tables[1].rows, 25, "{rows}");
    }
    let error = planned(&catalog, &spec("rows = 26"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("room for 25 rows, not for 26"), "{error}");
}
