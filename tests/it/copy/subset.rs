//! M7: a copy of a part of the source: what was asked for, what hangs on it, all that these refer
//! to, and no orphan; the same people each time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tidegate::error::Kind;
use tidegate::masking::{Mask, MaskPlan, Rows, SeedRows, SubsetRules, VirtualReference};
use tidegate::service::copy::{Engine, GateReport, Outcome};
use tidegate::sql::{Ident, QualifiedName};

use super::stage::{Stage, client, engine, judged, key, masks};

const CONFIG: &str = "TIDEGATE_SUBSET_CHILD";

/// Cycles (household and customer, store and staff), references of a table to itself, composite
/// keys, partitions, a polymorphic reference, and rows of it that refer to nothing.
const RENTALS: &str = "\
    create type kind as enum ('new', 'good', 'rare');\
    create table country (id int primary key, name text);\
    create table city (id int primary key, country_id int not null references country, name text);\
    create table store (id int primary key, manager_id int, city_id int references city);\
    create table staff (id int primary key, store_id int not null references store, boss int references staff);\
    create table household (id int primary key, head int);\
    create table customer (id int primary key, store_id int references store, city_id int references city,\
        household_id int references household, referred_by int references customer, email text, kind kind, owner_type text default 'none',\
        balance numeric(12,2), created date, flags int[], span int4range);\
    create table film (id int primary key, title text);\
    create table inventory (id int primary key, film_id int not null references film, store_id int references store);\
    create table rental (id int primary key, inventory_id int not null references inventory,\
        customer_id int not null references customer, staff_id int references staff);\
    create table payment (id int, paid date, customer_id int not null references customer,\
        rental_id int references rental, amount numeric(8,2), primary key (id, paid)) partition by range (paid);\
    create table payment_old partition of payment for values from ('2020-01-01') to ('2024-01-01');\
    create table payment_new partition of payment for values from ('2024-01-01') to ('2030-01-01');\
    create table payment_line (payment_id int, paid date, no int, note text, primary key (payment_id, paid, no),\
        foreign key (payment_id, paid) references payment);\
    create table remark (owner_type text, owner_id int, body text);\
    create table log (line text);\
    create table bad as select 0 as zero;\
    insert into country select g, 'country' || g from generate_series(1, 1500) g;\
    insert into city select g, 1 + g % 1500, 'city' || g from generate_series(1, 3000) g;\
    insert into store select g, null, g from generate_series(1, 20) g;\
    insert into staff select g, 1 + g % 20, nullif(g / 4, 0) from generate_series(1, 60) g;\
    update store set manager_id = id;\
    alter table store add foreign key (manager_id) references staff;\
    insert into household select g, null from generate_series(1, 2000) g;\
    insert into customer (id, store_id, city_id, household_id, referred_by, email, kind, balance, created, flags, span)\
     select g, 1 + g % 20, 1 + g % 3000, 1 + g % 2000, nullif(g / 10, 0), 'c' || g || '@example.com',\
        case when g = 3777 then 'rare' when g % 3 = 0 then 'new' else 'good' end::kind, g * 1.5,\
        '2020-01-01'::date + g % 900, array[g, null], int4range(g, g + 5) from generate_series(1, 4000) g;\
    update household set head = case id when 1 then 2000 else id - 1 end;\
    alter table household add foreign key (head) references customer deferrable initially deferred;\
    insert into film select g, 'film' || g from generate_series(1, 2000) g;\
    insert into inventory select g, 1 + g % 2000, 1 + g % 20 from generate_series(1, 4000) g;\
    insert into rental select g, 1 + g % 4000, 1 + g % 4000, 1 + g % 60 from generate_series(1, 12000) g;\
    insert into payment select g, '2023-06-01'::date + g % 400, 1 + (1 + g % 12000) % 4000, 1 + g % 12000, g % 90 from generate_series(1, 24000) g;\
    insert into payment_line select id, paid, n, 'line' from payment, generate_series(1, 2) n where id % 2 = 0;\
    insert into remark select case g % 2 when 0 then 'Customer' else 'Film' end, g, 'b' from generate_series(1, 4100) g;\
    insert into log select g::text from generate_series(1, 10) g;\
    analyze;";

/// Rows that refer to nothing. Remarks of customers beyond 4000 already do so at the source.
const ORPHANS: &str = "select \
    (select count(*) from city c where not exists (select from country p where p.id = c.country_id)),\
    (select count(*) from customer c where referred_by is not null and not exists (select from customer p where p.id = c.referred_by)),\
    (select count(*) from customer c where household_id is not null and not exists (select from household p where p.id = c.household_id)),\
    (select count(*) from household c where head is not null and not exists (select from customer p where p.id = c.head)),\
    (select count(*) from rental c where not exists (select from customer p where p.id = c.customer_id)),\
    (select count(*) from rental c where not exists (select from inventory p where p.id = c.inventory_id)),\
    (select count(*) from payment c where rental_id is not null and not exists (select from rental p where p.id = c.rental_id)),\
    (select count(*) from payment_line c where not exists (select from payment p where (p.id, p.paid) = (c.payment_id, c.paid))),\
    (select count(*) from remark c where owner_type = 'Customer' and owner_id <= 4000 and not exists (select from customer p where p.id = c.owner_id))";
const NONE: &str = "0|0|0|0|0|0|0|0|0";

fn ident(text: &str) -> Ident {
    Ident::new(text).unwrap()
}

fn name(table: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(table))
}

/// Some percent of the customers.
fn customers(percent: f64) -> SubsetRules {
    SubsetRules {
        seed_rows: vec![SeedRows {
            table: name("customer"),
            percent: Some(percent),
            stable_by: Some(ident("id")),
            filter: None,
        }],
        max_bytes: None,
        references: vec![VirtualReference {
            from: name("remark"),
            columns: vec![ident("owner_id")],
            to: name("customer"),
            to_columns: vec![ident("id")],
            filter: Some("owner_type = 'Customer' -- theirs".to_owned()),
        }],
    }
}

/// The rules of all tests: mails are removed, balances rounded.
fn plan(catalog: &tidegate::catalog::Catalog, edit: impl FnOnce(&mut MaskPlan)) -> MaskPlan {
    let sql = |expression: &str| Mask::Sql {
        expression: expression.to_owned(),
    };
    let mut plan = masks(
        catalog,
        &[
            ("customer.email", Mask::Null),
            (
                "customer.balance",
                sql("round(balance, -1)::numeric(12, 2)"),
            ),
            ("bad.zero", sql("1 / zero")),
        ],
    );
    edit(&mut plan);
    plan
}

fn rows_of(plan: &mut MaskPlan, table: &str, rows: Rows) {
    let found = plan.tables.iter_mut().find(|plan| plan.name == name(table));
    found.unwrap().rows = rows;
}

async fn run(mut engine: Engine, edit: impl FnOnce(&mut MaskPlan)) -> tidegate::Result<Outcome> {
    engine.options.chunk_bytes = 64 << 10;
    let opened = engine.open().await?;
    let plan = plan(&opened.gathered.catalog, edit);
    opened.run(&plan, &key()).await
}

/// A run that is put to use; `bad` holds no zero.
async fn promoted(stage: &Stage, edit: impl FnOnce(&mut MaskPlan)) -> Outcome {
    stage.source.execute("update bad set zero = 1");
    let mut engine = stage.engine().await;
    engine.options.promote = true;
    let outcome = run(engine, edit).await.unwrap();
    assert!(outcome.gate.passed, "{:#?}", outcome.gate);
    assert_eq!(stage.rows(ORPHANS).await, [NONE]);
    outcome
}

async fn count(stage: &Stage, from: &str) -> i64 {
    let rows = stage.rows(&format!("select count(*) from {from}")).await;
    rows[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_a_subset_is_copied_masked_proven_and_without_orphans() {
    let stage = Stage::new(RENTALS);
    let outcome = promoted(&stage, |plan| {
        plan.subset = Some(customers(5.0));
        rows_of(plan, "log", Rows::None);
    })
    .await;
    let customers = count(&stage, "customer").await;
    assert!((150..1_500).contains(&customers), "{customers} customers");
    assert!(count(&stage, "payment").await < 12_000);
    assert_eq!(count(&stage, "customer where kind = 'rare'").await, 1);
    assert_eq!(count(&stage, "log").await, 0);
    assert_eq!(count(&stage, "staff").await, 60, "a short list is complete");
    assert_eq!(count(&stage, "customer where email is not null").await, 0);
    let picked = outcome.subset.as_ref().unwrap();
    let customer = picked.tables.iter().find(|table| table.table == "customer");
    assert_eq!(customer.unwrap().rows, u64::try_from(customers).ok());
    let check = |name: &str| {
        let found = outcome.gate.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).detail.clone()
    };
    assert!(check("kept columns").starts_with("equal in "));
    assert!(check("masks recomputed").starts_with("equal to mask(source) in "));
    assert_eq!(check("orphans"), "0 in 1 declared references");
    let drifted = |column: &str| {
        let mut drift = outcome.drift.iter();
        drift.find(|drift| format!("{}.{}", drift.table, drift.column) == column)
    };
    for column in ["customer.kind", "customer.created", "payment_old.amount"] {
        let drift = drifted(column).unwrap_or_else(|| panic!("{column}: {:?}", outcome.drift));
        assert!(drift.distance < 0.5, "{drift:?}");
    }
    assert!(drifted("customer.email").is_none() && drifted("customer.id").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_the_same_people_come_each_week() {
    let stage = Stage::new(RENTALS);
    let people = async || -> BTreeSet<String> {
        stage
            .rows("select id from customer")
            .await
            .into_iter()
            .collect()
    };
    promoted(&stage, |plan| plan.subset = Some(customers(5.0))).await;
    let first = people().await;
    stage.source.execute(
        "update customer set balance = balance + 1 where id % 2 = 0;\
         insert into customer (id, kind) select g, 'good' from generate_series(5001, 5400) g;\
         update payment set amount = amount + 1 where id % 3 = 0; analyze",
    );
    stage.source.execute("vacuum customer");
    promoted(&stage, |plan| plan.subset = Some(customers(5.0))).await;
    let second = people().await;
    let gone = first.difference(&second).count();
    // Rows that only show a null or a label may be other ones when rows have moved.
    assert!(gone <= 12, "{gone} of {} people are gone", first.len());
    let new = second
        .iter()
        .filter(|id| id.len() == 4 && id.as_str() > "5000")
        .count();
    assert!((5..60).contains(&new), "{new} of 400 new people");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_makes_the_subset_smaller_and_says_so() {
    let stage = Stage::new(RENTALS);
    let all = promoted(&stage, |plan| plan.subset = Some(customers(60.0))).await;
    let bytes = |outcome: &Outcome| -> u64 {
        let tables = &outcome.subset.as_ref().unwrap().tables;
        tables.iter().map(|table| table.bytes).sum()
    };
    let budget = bytes(&all) * 2 / 3;
    let less = promoted(&stage, |plan| {
        plan.subset = Some(SubsetRules {
            max_bytes: Some(budget),
            ..customers(60.0)
        });
    })
    .await;
    assert!(bytes(&less) <= budget && less.rows < all.rows);
    assert!(less.subset.unwrap().share < 1.0);
    let said = |remark: &String| remark.starts_with("max_size: the subset begins with ");
    assert!(less.remarks.iter().any(said), "{:?}", less.remarks);
    assert!(!all.remarks.iter().any(said));
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_and_empty_tables_leave_no_orphans() {
    let stage = Stage::new(RENTALS);
    // No policy declares that reference here.
    stage
        .source
        .execute("delete from remark where owner_type = 'Customer'");
    let outcome = promoted(&stage, |plan| {
        rows_of(
            plan,
            "customer",
            Rows::Where("customer.id in (7, 4000) -- two of them".to_owned()),
        );
    })
    .await;
    assert!(outcome.subset.is_some());
    // Those that are asked for, and those that they need: referrers and heads of households.
    let known =
        stage.rows("select count(*) < 40, count(*) filter (where id in (7, 4000)) from customer");
    assert_eq!(known.await, ["t|2"]);
    let rentals = "select count(*) from rental where customer_id in (7, 4000)";
    assert_eq!(stage.rows(rentals).await, stage.source.rows(rentals));
    assert_eq!(
        count(&stage, "rental where customer_id not in (7, 4000)").await,
        0
    );

    // One partition is filtered: the other is complete, and lines follow both.
    promoted(&stage, |plan| {
        rows_of(plan, "payment_old", Rows::Where("id % 100 = 0".to_owned()));
    })
    .await;
    assert_eq!(count(&stage, "payment_old where id % 100 <> 0").await, 0);
    let new = "select count(*) from payment_new";
    assert_eq!(stage.rows(new).await, stage.source.rows(new));
    let lines = "select count(*) from payment_line where paid >= '2024-01-01'";
    assert_eq!(stage.rows(lines).await, stage.source.rows(lines));
    assert_eq!(count(&stage, "customer").await, 4000);

    // Rows that others need cannot be left out.
    let error = run(stage.engine().await, |plan| {
        rows_of(plan, "rental", Rows::None)
    })
    .await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::MaskRule);
    assert!(
        error.to_string().contains("leaves out the rows of rental"),
        "{error}"
    );
    let databases = stage.databases().await.list().await.unwrap();
    let building = |copy: &&tidegate::service::copy::Listed| {
        copy.mark.stage == tidegate::copy::Stage::Building
    };
    assert_eq!(
        databases.iter().filter(building).count(),
        0,
        "refused before anything is made"
    );
}

/// The gate over a copy that was harmed, with the selection made anew.
async fn judge(stage: &Stage, database: &str) -> GateReport {
    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let masks = plan(&gathered.catalog, |plan| plan.subset = Some(customers(5.0)));
    let key = key();
    let selection = engine.pick(&gathered, &masks, &key).await.unwrap();
    judged(&engine, database, (&gathered, &masks), selection.as_ref()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_of_a_subset_goes_red() {
    let stage = Stage::new(RENTALS);
    stage.source.execute("update bad set zero = 1");
    let subset = |plan: &mut MaskPlan| plan.subset = Some(customers(5.0));
    let database = run(stage.engine().await, subset).await.unwrap().database;
    let green = judge(&stage, &database).await;
    assert!(green.passed, "{green:#?}");
    let copy = client(&database).await;
    for (harm, undo, check) in [
        (
            "update customer set flags = flags || 1 where id = (select min(id) from customer)",
            "update customer set flags = flags[1:2] where id = (select min(id) from customer)",
            "kept columns",
        ),
        (
            "update customer set balance = balance + 1 where id = (select min(id) from customer)",
            "update customer set balance = balance - 1 where id = (select min(id) from customer)",
            "masks recomputed",
        ),
        (
            "update remark set owner_id = -1 where ctid = (select min(ctid) from remark where owner_type = 'Customer')",
            "select",
            "orphans",
        ),
        ("delete from payment_line", "select", "row counts"),
    ] {
        copy.batch_execute(harm).await.unwrap();
        let report = judge(&stage, &database).await;
        let failed = report.checks.iter().filter(|check| !check.passed);
        let failed: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
        assert!(failed.contains(&check), "{harm}: {report:#?}");
        copy.batch_execute(undo).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_subset_keeps_the_ranges_that_are_the_same() {
    let stage = Stage::new(RENTALS);
    let subset = |plan: &mut MaskPlan| plan.subset = Some(customers(20.0));
    let mut first = stage.engine().await;
    first.options.workers = 1;
    // The smallest table holds a row whose expression fails: most of the others are loaded.
    run(first, subset).await.unwrap_err();
    stage.source.execute(
        "delete from payment_line where payment_id % 500 = 0;\
         update rental set staff_id = 5 where id between 100 and 200;\
         insert into customer (id, referred_by) select g, 3 from generate_series(6001, 6100) g;\
         insert into rental select 20000 + id, 1, id, 1 from customer where id > 6000",
    );
    let outcome = promoted(&stage, subset).await;
    assert!(outcome.ranges_kept > 5, "{} ranges", outcome.ranges_kept);
    assert!(count(&stage, "customer where id > 6000").await > 5);
}

/// Not a test: what the killed processes run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_killed_subset_is_gone_on_with"]
async fn child() {
    let Some(config) = std::env::var_os(CONFIG) else {
        return;
    };
    let engine = engine(PathBuf::from(config)).await;
    let subset = |plan: &mut MaskPlan| plan.subset = Some(customers(30.0));
    run(engine, subset).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_subset_is_gone_on_with() {
    let stage = Stage::new(RENTALS);
    stage.source.execute("update bad set zero = 1");
    let mut killed = 0;
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copy::subset::child", "--ignored"])
            .env(CONFIG, stage.project().path().join("tidegate.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(400 + 250 * (round * 5 % 8))).await;
        if child.try_wait().unwrap().is_none() {
            killed += 1;
        }
        let _ = child.kill();
        child.wait().unwrap();
        stage.source.execute(&format!(
            "update payment set amount = amount + 1 where id % 100 = {round};\
             delete from remark where owner_id % 100 = {round}"
        ));
    }
    assert!(killed >= 3, "{killed} of 8 processes were killed at work");
    let fresh = Stage::new(RENTALS);
    for round in 0..8 {
        fresh.source.execute(&format!(
            "update payment set amount = amount + 1 where id % 100 = {round};\
             delete from remark where owner_id % 100 = {round}"
        ));
    }
    let subset = |plan: &mut MaskPlan| plan.subset = Some(customers(30.0));
    promoted(&stage, subset).await;
    promoted(&fresh, subset).await;
    for table in ["customer", "rental", "remark", "household"] {
        let sql = format!("select md5(string_agg(t::text, ';' order by t::text)) from {table} t");
        assert_eq!(stage.rows(&sql).await, fresh.rows(&sql).await, "{table}");
    }
}
