//! Health and metrics over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// Status line and body of a page; nothing while nobody listens.
fn get(port: u16, path: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.to_owned(), body.to_owned()))
}

fn metric(page: &str, series: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn m17_health_and_metrics_tell_what_did_not_happen() {
    let database = Database::new();
    let project = project(&database, "0 0 1 1 *", "env list", "");
    project.tidegate(["schedule", "run", "job"]).ok();
    let (daemon, port) = serve(&project);
    eventually("health", || {
        get(port, "/healthz").is_some_and(|(status, _)| status.ends_with("200 OK"))
    });
    let (_, page) = get(port, "/metrics").unwrap();
    let job = "{schedule=\"job\"}";
    let overdue = format!("tidegate_schedule_overdue{job}");
    assert_eq!(metric(&page, &overdue), Some(0.0), "{page}");
    let done = "tidegate_schedule_runs_total{schedule=\"job\",outcome=\"done\"}";
    assert_eq!(metric(&page, done), Some(1.0), "{page}");
    let success = format!("tidegate_schedule_last_success_timestamp_seconds{job}");
    assert!(metric(&page, &success).is_some_and(|at| at > 1e9), "{page}");
    assert!(page.contains("tidegate_build_info{version="), "{page}");
    // The alert goes red when a due time passed without a success.
    database.execute(
        "update tidegate.schedule set watched_from = now() - interval '3 years'; \
         update tidegate.schedule_run set due_at = now() - interval '2 years'",
    );
    let (_, page) = get(port, "/metrics").unwrap();
    assert_eq!(metric(&page, &overdue), Some(1.0), "{page}");
    let (status, _) = get(port, "/nothing").unwrap();
    assert!(status.contains("404"), "{status}");
    // SIGTERM is a clean stop.
    let pid = rustix::process::Pid::from_raw(daemon.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(get(port, "/healthz"), None);
}

#[test]
fn m17_a_daemon_that_lost_its_database_is_not_healthy_for_long_and_says_why() {
    let database = Database::new();
    let project = project(&database, "* * * * * *", "env list", "");
    let (daemon, port) = serve(&project);
    eventually("a run", || runs(&database, "done") >= 1);
    database.execute("alter table tidegate.schedule_run rename to hidden");
    eventually("trouble", || {
        get(port, "/healthz").is_some_and(|(_, body)| body.contains("schedule_run"))
    });
    database.execute("alter table tidegate.hidden rename to schedule_run");
    let before = runs(&database, "done");
    eventually("runs again", || runs(&database, "done") > before);
    daemon.interrupt();
    assert_eq!(daemon.wait().code(), Some(0));
}
