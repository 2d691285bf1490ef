//! The history of drills shows when somebody laid hands on it.

use secrecy::SecretString;
use tidegate::storage::{Location, Repository, SealKey};

use super::drill::{KEY, Place};
use super::stage::OTHER_KEY;

fn open(place: &Place) -> Repository {
    let key = SealKey::parse(&SecretString::from(KEY)).unwrap();
    let location = Location::Folder(place.repository());
    Repository::open(&location, Vec::new(), key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_and_a_missing_record_are_found_and_rotation_goes_on() {
    let place = Place::new();
    let run = || place.drill(&["--controls", "1"]).data();
    let (first, second) = (run(), run());
    assert_ne!(
        first["negative_controls"][0]["name"],
        second["negative_controls"][0]["name"]
    );
    let history = place.cli(["drill", "history"]).data();
    assert_eq!(history["drills"].as_array().unwrap().len(), 2);
    assert!(history["rto_trend_percent"].as_f64().unwrap() > 0.0);
    let last = place.cli(["drill", "report"]).data();
    assert_eq!(last["id"], second["id"]);
    let id = first["id"].as_str().unwrap();
    assert_eq!(place.cli(["drill", "report", id]).data()["id"], id);

    // Whoever holds the seal key can write a file that opens, but the signature is over the text.
    let repository = open(&place);
    let name = first["recorded"].as_str().unwrap();
    let good = repository.get(name).await.unwrap();
    let text = String::from_utf8(good.to_vec()).unwrap();
    let forged = text.replacen("\\\"gaps\\\":0", "\\\"gaps\\\":7", 1);
    assert_ne!(text, forged);
    repository.remove(name).await.unwrap();
    repository.put(name, forged.into_bytes()).await.unwrap();
    let told = place.cli(["drill", "history", "--format", "json"]).exits(3);
    assert_eq!(told.error()["code"], "TG1041", "{}", told.stderr);

    repository.remove(name).await.unwrap();
    let told = place.cli(["drill", "report", "--format", "json"]).exits(3);
    assert_eq!(told.error()["code"], "TG1041", "{}", told.stderr);
    assert!(told.stderr.contains("is not there"), "{}", told.stderr);

    repository.put(name, good).await.unwrap();
    place.cli(["drill", "history"]).ok();
    // Signatures of a former key count.
    let with_new = |args: [&'static str; 2]| place.cli(args).env("TIDEGATE_SEAL_KEY", OTHER_KEY);
    let rotate = with_new(["backup", "rotate-key"]);
    rotate.env("TIDEGATE_OLD_SEAL_KEY", KEY).ok();
    let history = with_new(["drill", "history"]).data();
    assert_eq!(history["drills"].as_array().unwrap().len(), 2);
}
