//! The cost of the scan, beside a plain COPY of the same table. Run by hand with optimizations:
//! `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --test it copy_gate::speed -- --ignored --nocapture`.

use std::time::Duration;

use tidegate::clock::{Clock, SystemClock};
use tidegate::masking::{Class, MaskPlan, Rows, TablePlan};

use super::fixture::{column, plan_of, scan_with};
use crate::catalog::public;
use crate::support::Database;

const ROWS: &str = "
create table users (id bigint, email text, full_name text, phone text, card text, city text,
    iban text, born date, note text, doc jsonb, n1 int, n2 numeric);
";

fn fill(mark: &str) -> String {
    format!(
        "insert into users select g, '{mark}' || g || '@corp' || g % 97 || '.example',
            '{mark}' || chr(97 + g % 26) || md5('{mark}' || g) || ' {mark}' || md5('{mark}' || g + 1),
            '+49' || (3000000000 + abs(hashtextextended('{mark}' || g, 1)) % 1000000000),
            '4' || lpad((abs(hashtextextended('{mark}' || g, 2)) % 999999999999999)::text, 15, '0'),
            'city' || g % 500, 'DE' || lpad(abs(hashtextextended('{mark}' || g, 3))::text, 20, '0'), date '1970-01-01' + g % 9000,
            'the customer called about order ' || g || ' and wants it by Monday; all is fine otherwise, thank you',
            jsonb_build_object('theme', 'dark', 'visits', g % 50, 'tags', jsonb_build_array('a', 'b', g % 7)),
            g % 1000, g / 7.0 from generate_series(1, 300000) g; analyze users;"
    )
}

fn plan() -> MaskPlan {
    let kept = |name| column(name, None, false);
    let masked = |name, class| column(name, Some(class), true);
    plan_of(vec![TablePlan {
        name: public("users"),
        rows: Rows::All,
        columns: vec![
            kept("id"),
            masked("email", Class::Email),
            masked("full_name", Class::PersonName),
            masked("phone", Class::Phone),
            masked("card", Class::CardNumber),
            masked("city", Class::City),
            masked("iban", Class::Iban),
            kept("born"),
            kept("note"),
            kept("doc"),
            kept("n1"),
            kept("n2"),
        ],
    }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn the_scan_costs_less_than_the_copy() {
    let (source, target) = (
        Database::with_schema(&format!("{ROWS}{}", fill("s"))),
        Database::with_schema(&format!("{ROWS}{}", fill("t"))),
    );
    let clock = SystemClock::default();
    let begun = clock.monotonic();
    let session = crate::catalog::session(&target).await;
    let bytes = drain(&session, "copy public.users to stdout").await;
    let copy = clock.monotonic() - begun;
    let begun = clock.monotonic();
    drain(&session, "copy public.users to stdout (format binary)").await;
    let binary = clock.monotonic() - begun;
    let scanned = scan_with(&source, &target, &plan()).await;
    let rate = |took: Duration| bytes as f64 / 1e6 / took.as_secs_f64();
    eprintln!(
        "COPY text {copy:?} ({:.0} MB/s), binary {binary:?}; gathering {:?}; searching {} bytes {:?} ({:.0} MB/s), {} values, {} passes, {} leaks, {} allowed",
        rate(copy),
        scanned.gathering,
        scanned.bytes,
        scanned.searching,
        scanned.bytes as f64 / 1e6 / scanned.searching.as_secs_f64(),
        scanned.values,
        scanned.passes,
        scanned.leaks.len(),
        scanned.allowed,
    );
    assert_eq!(scanned.leaks, [], "what the target holds was made anew");
}

async fn drain(session: &tidegate::postgres::Session, sql: &str) -> u64 {
    use futures_util::TryStreamExt as _;
    let stream = session.copy_out(sql).await.unwrap();
    let mut stream = std::pin::pin!(stream);
    let mut bytes = 0;
    while let Some(chunk) = stream.try_next().await.unwrap() {
        bytes += chunk.len() as u64;
    }
    bytes
}
