//! A passive drill ends though the log goes on, faster perhaps than it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate::postgres::private::Ephemeral;
use tidegate::recovery::Lsn;
use tidegate::service::wal::Receiver;

use super::drill::Place;
use super::stage::{Shelf, run};
use super::wal::{FILL, holds, options, primary};

const MB: u64 = 1 << 20;

/// Fills segments of WAL until it is stopped.
fn fill(server: &Ephemeral) -> (Arc<AtomicBool>, tokio::task::JoinHandle<()>) {
    let (stop, url) = (Arc::new(AtomicBool::new(false)), server.url("postgres"));
    let stopped = Arc::clone(&stop);
    let task = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            super::stage::run_at(&url, FILL).await;
        }
    });
    (stop, task)
}

/// Whether the log went on by two segments while a drill ran that ended where the log began to.
fn went_past_the_end(place: &Place) -> bool {
    let args = ["drill", "run", "--controls", "none", "--format", "json"];
    let source = place.cli(args).exits(0).json()["data"]["source"].take();
    let audit = place.cli(["wal", "audit"]).data();
    let lsn = |text: &serde_json::Value| text.as_str().unwrap().parse::<Lsn>().unwrap();
    let (newest, reached) = (lsn(&source["newest"]), lsn(&source["reached"]));
    // Of the segment that was being written then there may be more now; and nothing behind it.
    let end = Lsn(newest.0.div_ceil(MB) * MB);
    assert!(reached <= end, "{reached}, though {newest} was the newest");
    lsn(&audit["backups"][0]["to"]).0 > end.0 + 2 * MB
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_a_passive_drill_ends_with_what_was_there_when_it_began() {
    let (server, place) = (primary(&[]).await, Place::new());
    let url = server.url("postgres");
    place
        .cli(["backup", "create", "--database-url", &url])
        .data();
    let repository = Shelf::at(&place.repository());
    let spool = place.temp().join("spool");
    let options = options(&url, &spool, repository).await;
    let receiver = Receiver::start(&options).await.unwrap();
    run(&server, FILL).await;
    let (stop, writing) = fill(&server);
    let sent = "select (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') > 12 * 1048576)::text";
    holds(&server, sent).await;
    // Where the log went on too little for the drill to have met it, this drill shows nothing yet.
    let met = (0..10).any(|_| went_past_the_end(&place));
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    assert!(met, "in none of ten drills the log went on");
    receiver.drain().await.unwrap();
    server.stop().await;
}
