//! What `verify --output=text` says. It ends with 0 whatever it finds, so that only the text counts,
//! and a text that is not understood is no good news.

use crate::engines::Doubt;
use crate::error::{Error, Kind, Result};

/// The doubts in the text; `labels` are the backups that it must speak of.
///
/// # Errors
/// [`Kind::BackupTool`] when there is no verdict in it.
pub(super) fn doubts(text: &str, labels: &[String]) -> Result<Vec<Doubt>> {
    let missing = |what: &str| {
        Error::new(
            Kind::BackupTool,
            format!("pgbackrest verify came to no verdict: {what}"),
        )
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let status = lines.iter().find_map(|line| line.strip_prefix("status: "));
    let status = status.ok_or_else(|| missing("it names no status"))?;
    let mut found = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let below = lines.get(place + 1).copied().unwrap_or_default();
        if let Some(rest) = line.strip_prefix("archiveId: ") {
            let checked = number(rest, "total WAL checked: ");
            let valid = number(rest, "total valid WAL: ");
            if checked.is_none() || checked != valid {
                found.push(Doubt {
                    label: None,
                    problem: format!("pgbackrest finds damaged WAL: {below}"),
                });
            }
        }
    }
    for label in labels {
        let head = format!("backup: {label}, status: ");
        let place = lines.iter().position(|line| line.starts_with(&head));
        let Some(place) = place else {
            found.push(Doubt {
                label: Some(label.clone()),
                problem: "pgbackrest verify does not speak of it".to_owned(),
            });
            continue;
        };
        let rest = lines[place].strip_prefix(&head).unwrap_or_default();
        let checked = number(rest, "total files checked: ");
        let whole = checked.is_some_and(|checked| checked > 0)
            && checked == number(rest, "total valid files: ");
        if !(rest.starts_with("valid,") && whole) {
            let below = lines.get(place + 1).copied().unwrap_or_default();
            let below = if below.contains(": ") { below } else { "" };
            found.push(Doubt {
                label: Some(label.clone()),
                problem: format!("pgbackrest calls it {rest}; {below}"),
            });
        }
    }
    if status != "ok" && found.is_empty() {
        found.push(Doubt {
            label: None,
            problem: format!("pgbackrest calls the repository: {status}"),
        });
    }
    Ok(found)
}

/// The number after `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "stanza: tidegate\nstatus: ok\n  archiveId: 15-1, total WAL checked: 6, total valid WAL: 6\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n  backup: 20261126-070811F, status: valid, total files checked: 968, total valid files: 968\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n";

    fn labels() -> Vec<String> {
        vec!["20261126-070811F".to_owned()]
    }

    #[test]
    fn only_a_whole_text_is_good() {
        assert_eq!(doubts(GOOD, &labels()).unwrap(), []);
        for text in ["", "stanza: tidegate\n", "not json"] {
            let error = doubts(text, &labels()).unwrap_err();
            assert_eq!(error.kind(), Kind::BackupTool);
        }
    }

    #[test]
    fn each_damage_is_a_doubt() {
        for (from, to, label) in [
            ("valid files: 968", "valid files: 967", true),
            ("status: valid", "status: invalid", true),
            (
                "checked: 968, total valid files: 968",
                "checked: 0, total valid files: 0",
                true,
            ),
            ("valid WAL: 6", "valid WAL: 5", false),
            ("status: ok", "status: error", false),
            ("20261126", "20261127", true),
        ] {
            let found = doubts(&GOOD.replace(from, to), &labels()).unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].label.is_some(), label, "{to}");
        }
    }
}
