//! M11: what expires, and what never does. The backups are made by hand here, since they must be of
//! many days.

use chrono::{DateTime, TimeDelta, Utc};
use tidegate::recovery::{BackupManifest, Lsn, MANIFEST_VERSION, Part, Segment, Settings, Stream};
use tidegate::service::backup::admit;

use super::stage::Shelf;

const SEGMENT: u32 = 16 << 20;

/// A backup of one part that was complete at noon, and whose WAL begins in segment `number`.
async fn put(shelf: &Shelf, at: DateTime<Utc>, number: u64, parent: Option<String>) -> String {
    put_on(shelf, at, (1, number), parent).await
}

/// The same, on another timeline.
async fn put_on(
    shelf: &Shelf,
    at: DateTime<Utc>,
    (timeline, number): (u32, u64),
    parent: Option<String>,
) -> String {
    let id = BackupManifest::id_at(at, [0, 0, 1]);
    let repository = shelf.repository();
    let whose = (None, BackupManifest::NATIVE);
    admit(&repository, 7, whose, at).await.unwrap();
    let part = Part {
        bytes: 4,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    };
    let start = Lsn(number * u64::from(SEGMENT) + 40);
    let manifest = BackupManifest {
        version: MANIFEST_VERSION,
        id: id.clone(),
        engine: "native".to_owned(),
        system_identifier: 7,
        postgres: 150_000,
        wal_segment_bytes: SEGMENT,
        timeline,
        start,
        end: Lsn(start.0 + 200),
        started_at: at,
        ended_at: at,
        wal_included: true,
        region: None,
        streams: vec![Stream {
            name: "base".to_owned(),
            location: None,
            parts: vec![part],
        }],
        bytes: 4,
        sealed_bytes: 100,
        settings: Settings::default(),
        parent,
        kept: None,
        from_standby: false,
    };
    let name = BackupManifest::part_name(&id, "base", 0);
    repository.put(&name, &b"test"[..]).await.unwrap();
    let text = manifest.to_bytes().unwrap();
    repository
        .put(&BackupManifest::name(&id), text)
        .await
        .unwrap();
    id
}

/// WAL of both forms, and a history.
async fn put_wal(shelf: &Shelf, numbers: std::ops::Range<u64>) {
    let repository = shelf.repository();
    for number in numbers {
        let name = Segment {
            timeline: 1,
            number,
        }
        .name(SEGMENT);
        let name = format!("wal/00000001/{name}");
        let increment = format!("{name}.partial/00000000-4");
        repository.put(&name, &b"wal"[..]).await.unwrap();
        repository.put(&increment, &b"wal"[..]).await.unwrap();
    }
    repository
        .put("wal/history/00000002", &b"1\t0/1\tx\n"[..])
        .await
        .unwrap();
}

fn day(back: i64) -> DateTime<Utc> {
    let newest: DateTime<Utc> = "2026-03-31T12:00:00Z".parse().unwrap();
    newest - TimeDelta::days(back)
}

fn ids(list: &serde_json::Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["id"].as_str().unwrap()[..8].to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_generations_stay_and_wal_goes_with_the_oldest_backup() {
    let shelf = Shelf::new();
    for back in 0..40 {
        put(&shelf, day(back), 100 - u64::try_from(back).unwrap(), None).await;
    }
    put_wal(&shelf, 58..103).await;
    let expire = [
        "expire",
        "--keep-daily",
        "2",
        "--keep-weekly",
        "2",
        "--keep-monthly",
        "2",
    ];
    let before = shelf.repository().list("").await.unwrap();
    let dry = shelf.backup(&[&expire[..], &["--dry-run"]].concat()).data();
    assert_eq!(
        shelf.repository().list("").await.unwrap(),
        before,
        "a dry run removes nothing"
    );
    let expected = ["20260331", "20260330", "20260329", "20260228"];
    assert_eq!(ids(&dry["kept"]), expected, "{dry:#}");
    assert_eq!(dry["expired"].as_array().unwrap().len(), 36);
    // The backup of 28 February begins in segment 69.
    assert_eq!(dry["wal"]["files"], 2 * 11, "{dry:#}");

    let done = shelf.backup(&expire).data();
    assert_eq!(done["expired"], dry["expired"]);
    let list = shelf.backup(&["list"]).data();
    assert_eq!(list["backups"].as_array().unwrap().len(), 4);
    shelf.backup(&["verify"]).ok();
    let wal = shelf.repository().list("wal").await.unwrap();
    assert_eq!(wal.len(), 2 * 34 + 1);
    let first = Segment {
        timeline: 1,
        number: 69,
    }
    .name(SEGMENT);
    assert!(wal[0].0.ends_with(&first), "{}", wal[0].0);
    assert!(wal.iter().any(|(name, _)| name == "wal/history/00000002"));
    // Again: there is nothing more.
    let again = shelf.backup(&expire).data();
    assert_eq!(
        (ids(&again["expired"]).len(), &again["wal"]["files"]),
        (0, &0.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_backup_and_what_others_need_never_go() {
    let shelf = Shelf::new();
    let oldest = put(&shelf, day(9), 10, None).await;
    put(&shelf, day(8), 20, None).await;
    put(&shelf, day(7), 30, Some(oldest)).await;
    let lame = put(&shelf, day(0), 40, None).await;
    put_wal(&shelf, 1..12).await;
    std::fs::remove_file(shelf.part(&lame, 0)).unwrap();
    let expire = ["expire", "--keep-count", "1"];
    let data = shelf.backup(&expire).data();
    // The newest misses its part: the last good one is that of a week ago, and it needs its parent.
    assert_eq!(ids(&data["kept"]), ["20260324", "20260322"], "{data:#}");
    assert_eq!(ids(&data["expired"]), ["20260323"]);
    assert_eq!(ids(&data["damaged"]), ["20260331"]);
    assert_eq!(
        data["wal"]["before"],
        serde_json::Value::Null,
        "nobody knows what it needs"
    );
    assert_eq!(shelf.repository().list("wal").await.unwrap().len(), 23);
    for _ in 0..2 {
        let data = shelf.backup(&["expire", "--keep-window", "1s"]).data();
        assert_eq!(ids(&data["kept"]).len(), 2, "{data:#}");
    }
}

/// The cluster was taken back to segment 15: timeline 2 has written 15 to 19 again, and its first
/// backup is still to come, while there is a newer one of the timeline that was left.
#[tokio::test(flavor = "multi_thread")]
async fn m11_nothing_of_the_living_timeline_goes_for_a_backup_of_one_that_was_left() {
    let shelf = Shelf::new();
    put(&shelf, day(9), 10, None).await;
    put(&shelf, day(8), 12, None).await;
    put(&shelf, day(3), 40, None).await;
    let repository = shelf.repository();
    for (timeline, numbers) in [(1, 8..42), (2, 15..20)] {
        for number in numbers {
            let name = Segment { timeline, number }.name(SEGMENT);
            let name = format!("wal/{timeline:08X}/{name}");
            repository.put(&name, &b"wal"[..]).await.unwrap();
        }
    }
    let history = "1\t0/F000100\tbefore 2.1.0\n";
    repository
        .put("wal/history/00000002", history)
        .await
        .unwrap();
    let living = async || {
        let wal = shelf.repository().list("wal/00000002").await.unwrap();
        wal.len()
    };
    let expire = ["expire", "--keep-count", "1"];
    let data = shelf.backup(&expire).data();
    // The newest, and the newest that the living timeline can be recovered from.
    assert_eq!(ids(&data["kept"]), ["20260328", "20260323"], "{data:#}");
    assert!(
        data.to_string()
            .contains("timeline 2 can be recovered from"),
        "{data:#}"
    );
    assert_eq!(
        data["wal"]["files"], 4,
        "segments 8 to 11 of timeline 1: {data:#}"
    );
    assert_eq!(living().await, 5);

    // Its own backup has come: the one before the fork may go, and with it what only it needed.
    put_on(&shelf, day(1), (2, 18), None).await;
    let data = shelf.backup(&expire).data();
    assert_eq!(ids(&data["kept"]), ["20260330"], "{data:#}");
    assert_eq!(living().await, 2, "18 and 19");
    let left = shelf.repository().list("wal/00000001").await.unwrap();
    assert!(
        left.iter()
            .all(|(name, _)| name.as_str() >= "wal/00000001/000000010000000000000012"),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_parents_stay_as_long_as_an_increment_does_or_is_being_made() {
    let shelf = Shelf::new();
    let full = put(&shelf, day(9), 10, None).await;
    let first = put(&shelf, day(8), 20, Some(full.clone())).await;
    put(&shelf, day(7), 30, Some(first)).await;
    let awaited = put(&shelf, day(6), 40, None).await;
    put(&shelf, day(5), 50, None).await;
    let newest = put(&shelf, day(4), 60, Some(full)).await;
    // Somebody takes an increment of the one of day 6 at this moment.
    let making = BackupManifest::id_at(Utc::now(), [0, 0, 2]);
    let folder = BackupManifest::folder(&making);
    for mark in [
        format!("{folder}/of/{awaited}"),
        format!("{folder}/alive/{}", &making[..16]),
    ] {
        shelf.repository().put(&mark, Vec::new()).await.unwrap();
    }
    put_wal(&shelf, 8..12).await;
    let expire = ["expire", "--keep-count", "1"];
    let data = shelf.backup(&expire).data();
    assert_eq!(
        ids(&data["kept"]),
        ["20260327", "20260325", "20260322"],
        "{data:#}"
    );
    let reasons = data["kept"].to_string();
    let why = format!("{making}, which is being made, is an increment of it");
    assert!(
        reasons.contains(&why) && reasons.contains(&format!("{newest} is an increment of it")),
        "{reasons}"
    );
    // The full backup is kept, so is the WAL from it on.
    assert_eq!(data["wal"]["files"], 2 * 2, "{data:#}");
    // Its maker has died.
    let data = shelf
        .backup(&[&expire[..], &["--abandoned-after", "0s"]].concat())
        .data();
    assert_eq!(ids(&data["expired"]), ["20260325"], "{data:#}");
    assert_eq!(ids(&data["kept"]), ["20260327", "20260322"], "{data:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_increment_without_its_parent_is_no_good_backup() {
    let shelf = Shelf::new();
    let good = put(&shelf, day(9), 10, None).await;
    let lost = put(&shelf, day(8), 20, None).await;
    let child = put(&shelf, day(7), 30, Some(lost.clone())).await;
    let manifest = shelf.path().join(BackupManifest::name(&lost));
    std::fs::remove_file(manifest).unwrap();
    let data = shelf.backup(&["expire", "--keep-count", "1"]).data();
    assert_eq!(data["kept"][0]["id"], good.as_str(), "{data:#}");
    assert_eq!(data["damaged"][0]["id"], child.as_str(), "{data:#}");
    let problem = data["damaged"][0]["problem"].as_str().unwrap();
    assert!(problem.contains(&lost), "{problem}");
    let verified = shelf.backup(&["verify", "--format", "json"]).exits(3);
    assert!(
        verified
            .stdout
            .contains(&format!("is an increment of {lost}, which is not there"))
    );
    // The same when it is there, and a part of it is not.
    let shelf = Shelf::new();
    let parent = put(&shelf, day(8), 20, None).await;
    let child = put(&shelf, day(7), 30, Some(parent.clone())).await;
    std::fs::remove_file(shelf.part(&parent, 0)).unwrap();
    let data = shelf.backup(&["expire", "--keep-count", "1"]).data();
    assert_eq!(ids(&data["kept"]).len(), 0, "{data:#}");
    let damaged = data["damaged"].to_string();
    assert!(
        damaged.contains(&child) && damaged.contains(&parent),
        "{damaged}"
    );
    let verify = ["verify", "--backup", &child, "--format", "json"];
    let verified = shelf.backup(&verify).exits(3).stdout;
    let part = BackupManifest::part_name(&parent, "base", 0);
    assert!(verified.contains(&part), "{verified}");
}
