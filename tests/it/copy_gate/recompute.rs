//! Masked columns computed again: any difference is found.

use std::sync::Arc;

use tidegate::masking::{
    Class, ColumnPlan, FieldMask, Mask, MaskPlan, Masked, Row, Rows, Rule, TablePlan, Unmaskable,
};
use tidegate::service::copy::Check;
use tidegate::service::copy::gate::{ColumnTypes, Masks, Recompute, recompute};
use tokio_util::sync::CancellationToken;

use super::fixture::{column, plan_of};
use crate::catalog::{ident, public, session};
use crate::support::Database;

const SOURCE: &str = "
create table people (id bigint primary key, email text, name text, born date, score int);
insert into people select g, 'p' || g || '@corp.example', case when g % 10 > 0 then 'Name ' || g end,
    date '1980-01-01' + g, g from generate_series(1, 3000) g;
create table plain (id int);
";

/// What [`Marked`] and the SQL rule make of it.
const COPY: &str = "
update people set email = 'm:' || email || '/' || id, name = 'm:' || name || '/' || id, score = score * 2;
";

/// A mask that looks at another field of its row.
#[derive(Debug)]
struct Marked;

impl FieldMask for Marked {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let id = row.fields[0].ok_or(Unmaskable { reason: "no id" })?;
        let id = i64::from_be_bytes(id.try_into().unwrap());
        out.extend_from_slice(b"m:");
        out.extend_from_slice(value);
        out.extend_from_slice(format!("/{id}").as_bytes());
        Ok(Masked::Value)
    }
}

/// A mask that masks nothing.
#[derive(Debug)]
struct Lazy;

impl FieldMask for Lazy {
    fn value(&self, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        out.extend_from_slice(value);
        Ok(Masked::Value)
    }
}

fn plan() -> MaskPlan {
    plan_of(vec![
        TablePlan {
            name: public("people"),
            rows: Rows::All,
            columns: vec![
                column("id", None, false),
                column("email", Some(Class::Email), true),
                column("name", Some(Class::PersonName), true),
                column("born", None, false),
                ColumnPlan {
                    rule: Rule {
                        mask: Mask::Sql {
                            expression: "score * 2".to_owned(),
                        },
                        ..Rule::keep()
                    },
                    ..column("score", Some(Class::Money), true)
                },
            ],
        },
        TablePlan {
            name: public("plain"),
            rows: Rows::All,
            columns: vec![column("id", None, false)],
        },
    ])
}

fn masks(email: Arc<dyn FieldMask>) -> Masks {
    Masks::from([
        ((public("people"), ident("email")), email),
        ((public("people"), ident("name")), Arc::new(Marked) as _),
    ])
}

async fn checks(target: &Database, plan: &MaskPlan, masks: &Masks) -> Vec<Check> {
    let source = Database::with_schema(SOURCE);
    let sessions = [session(&source).await, session(&source).await];
    let work = Recompute {
        target: &[session(target).await, session(target).await],
        plan,
        masks,
        selection: None,
        types: &ColumnTypes::new(),
        search_path: &["public".to_owned()],
        cancel: &CancellationToken::new(),
    };
    recompute(&sessions, &work).await.unwrap().checks
}

fn copy() -> Database {
    Database::with_schema(&format!("{SOURCE}{COPY}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_faithful_copy_is_equal_to_its_masks() {
    let checks = checks(&copy(), &plan(), &masks(Arc::new(Marked))).await;
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    assert_eq!(
        checks[0].detail,
        "equal to mask(source) in 3000 rows of 1 tables"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_any_difference_from_the_masks_is_found() {
    for (sql, place) in [
        ("update people set email = 'x' where id = 7", "people.email"),
        ("update people set name = null where id = 7", "people.name"),
        ("update people set name = '' where id = 10", "people.name"),
        ("update people set score = 7 where id = 7", "people.score"),
        ("delete from people where id = 3000", "people.email"),
        (
            "insert into people select id + 9000, email, name, born, score from people where id = 1",
            "people.email",
        ),
        (
            "update people p set email = q.email from people q where p.id in (1, 2) and q.id = 3 - p.id",
            "people (masks of different rows)",
        ),
    ] {
        let target = copy();
        target.execute(sql);
        let checks = checks(&target, &plan(), &masks(Arc::new(Marked))).await;
        assert!(!checks[0].passed, "{sql}");
        assert!(
            checks[0].detail.contains(place),
            "{sql}: {}",
            checks[0].detail
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_mask_that_masks_nothing_is_found() {
    let target = copy();
    target.execute("update people set email = 'p' || id || '@corp.example'");
    let checks = checks(&target, &plan(), &masks(Arc::new(Lazy))).await;
    assert!(checks[0].passed, "{}", checks[0].detail);
    assert!(!checks[1].passed);
    assert_eq!(checks[1].detail, "not so: people.email (3000 of 3000)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_tables_with_a_condition_are_compared_by_it() {
    let mut plan = plan();
    plan.tables[0].rows = Rows::Where("id <= 100".to_owned());
    let target = copy();
    let red = checks(&target, &plan, &masks(Arc::new(Marked))).await;
    assert!(!red[0].passed);
    target.execute("delete from people where id > 100");
    let green = checks(&target, &plan, &masks(Arc::new(Marked))).await;
    assert!(green[0].passed, "{}", green[0].detail);
}
