//! A source with personal data, its masked copy, and the plan between them.

use tidegate::clock::SystemClock;
use tidegate::masking::leak::RunKey;
use tidegate::masking::{Class, ColumnPlan, Mask, MaskPlan, Rows, Rule, TablePlan};
use tidegate::postgres::Session;
use tidegate::service::copy::gate::{LeakScan, Scanned, leak_scan};
use tokio_util::sync::CancellationToken;

use crate::catalog::{ident, public, session};
use crate::support::Database;

const SCHEMA: &str = "
create table companies (id bigint primary key, name text, city text, contact text);
create table users (
    id bigint primary key, email text not null, full_name text, first_name text, last_name text,
    phone text, iban text, card text, ssn text, city text, token text, notes text
);
create table orders (id bigint, user_id bigint, amount numeric, remark text, doc jsonb);
create table empty_queue (id bigint primary key, payload text);
";

const SOURCE: &str = "
insert into companies values (1, 'Peter Hahn', 'Berlin', 'info@hahn.example'), (2, 'Berlin', 'Kiel', null);
insert into users values
    (1, 'ann.miller@corp.example', 'Ann Miller', 'Ann', 'Miller', '+49 30 1234567',
     'DE89 3704 0044 0532 0130 00', '4111 1111 1111 1111', '912-34-5678', 'Berlin',
     'q7-secret-token-99', 'met ann, card 4012888888881881'),
    (2, 'bob.stone@corp.example', 'Robert Stone', 'Robert', 'Stone', '+49 89 7654321',
     'DE02 1203 0000 0000 2020 51', '5500 0000 0000 0004', '987-65-4321', 'Hamburg',
     'x9-other-token-11', null);
insert into orders values (1, 1, 9.90, 'fine', '{\"gift\": false}'), (2, 2, 19.90, 'late', null);
";

/// What a masked copy of [`SOURCE`] looks like. One mask is the real name of somebody: chance.
const TARGET: &str = "
insert into companies values (1, 'Peter Hahn', 'Berlin', 'info@hahn.example'), (2, 'Berlin', 'Kiel', null);
insert into users values
    (1, 'm1@mail.example', 'Robert Stone', 'Eva', 'Lind', '+49 30 9999999',
     'DE11 0000 0000 0000 0000 00', '4111 1111 9999 9999', '900-00-0001', 'Berlin',
     'aaaaaaaaaaaa', '***'),
    (2, 'm2@mail.example', 'Kim Novak', 'Kim', 'Novak', '+49 89 8888888',
     'DE22 0000 0000 0000 0000 00', '5500 0000 9999 9999', '900-00-0002', 'Hamburg',
     'bbbbbbbbbbbb', null);
insert into orders values (1, 1, 9.90, 'fine', '{\"gift\": false}'), (2, 2, 19.90, 'late', null);
";

pub(super) fn source() -> Database {
    Database::with_schema(&format!("{SCHEMA}{SOURCE}"))
}

pub(super) fn target() -> Database {
    Database::with_schema(&format!("{SCHEMA}{TARGET}"))
}

pub(super) fn column(name: &str, class: Option<Class>, masked: bool) -> ColumnPlan {
    ColumnPlan {
        column: ident(name),
        rule: Rule {
            mask: if masked { Mask::Redact } else { Mask::Keep },
            ..Rule::keep()
        },
        class,
        origin: "test".to_owned(),
    }
}

fn table(name: &str, columns: Vec<ColumnPlan>) -> TablePlan {
    TablePlan {
        name: public(name),
        rows: Rows::All,
        columns,
    }
}

pub(super) fn plan() -> MaskPlan {
    let kept = |name| column(name, None, false);
    let masked = |name, class| column(name, Some(class), true);
    plan_of(vec![
        table(
            "companies",
            vec![
                kept("id"),
                column("name", Some(Class::Company), false),
                kept("city"),
                column("contact", Some(Class::Email), false),
            ],
        ),
        table("empty_queue", vec![kept("id"), kept("payload")]),
        table(
            "orders",
            vec![
                kept("id"),
                kept("user_id"),
                kept("amount"),
                kept("remark"),
                kept("doc"),
            ],
        ),
        table(
            "users",
            vec![
                kept("id"),
                masked("email", Class::Email),
                masked("full_name", Class::PersonName),
                masked("first_name", Class::FirstName),
                masked("last_name", Class::LastName),
                masked("phone", Class::Phone),
                masked("iban", Class::Iban),
                masked("card", Class::CardNumber),
                masked("ssn", Class::NationalId),
                masked("city", Class::City),
                masked("token", Class::Secret),
                masked("notes", Class::FreeText),
            ],
        ),
    ])
}

pub(super) fn plan_of(tables: Vec<TablePlan>) -> MaskPlan {
    MaskPlan {
        tables,
        epoch: "1".to_owned(),
        ..MaskPlan::default()
    }
}

/// Scans with two sessions of the target.
pub(super) async fn scan(source: &Database, target: &Database) -> Scanned {
    scan_with(source, target, &plan()).await
}

pub(super) async fn scan_with(source: &Database, target: &Database, plan: &MaskPlan) -> Scanned {
    let sessions = [session(target).await, session(target).await];
    scan_by(source, &sessions, plan).await
}

/// Scans with these sessions of the target.
pub(super) async fn scan_sessions(source: &Database, sessions: &[Session]) -> Scanned {
    scan_by(source, sessions, &plan()).await
}

async fn scan_by(source: &Database, sessions: &[Session], plan: &MaskPlan) -> Scanned {
    let source = session(source).await;
    let scan = LeakScan {
        source: &source,
        target: sessions,
        plan,
        safe_domains: &[],
        clock: &SystemClock::default(),
        cancel: &CancellationToken::new(),
    };
    let random: [u8; 64] = std::array::from_fn(|_| rand::random());
    eprintln!("key of the run: {random:?}");
    leak_scan(&scan, &RunKey::new(&random)).await.unwrap()
}
