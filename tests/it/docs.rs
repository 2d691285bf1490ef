//! The documents that are made from the source: `TIDEGATE_BLESS=1` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tidegate::error::{Kind, Retry};

fn page(kind: Kind) -> String {
    let policy = kind.policy();
    let retry = match policy.retry {
        Retry::Never => {
            "Running the same command again gives the same error until something is changed."
        }
        Retry::Backoff => "Trying again later may succeed.",
        Retry::Resume => "Running the same command again continues where this one stopped.",
    };
    format!(
        "# {}: {}\n\n{}\n\n**What to do:** {}.\n\n**Again:** {retry}\n\n**Exit code:** {}\n",
        policy.code,
        policy.title,
        policy.explanation,
        policy.hint.trim_end_matches('.'),
        policy.exit,
    )
}

#[test]
fn every_error_has_its_page_and_every_page_its_error() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let bless = std::env::var_os("TIDEGATE_BLESS").is_some();
    let mut expected = BTreeSet::new();
    for kind in Kind::ALL {
        let file = dir.join(format!("{}.md", kind.policy().code));
        if bless {
            fs::create_dir_all(&dir).unwrap();
            fs::write(&file, page(*kind)).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(found, page(*kind), "{}: run `just bless`", file.display());
        expected.insert(file);
    }
    let found: BTreeSet<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for stale in found.difference(&expected) {
        assert!(
            bless,
            "{}: no error has this code; run `just bless`",
            stale.display()
        );
        fs::remove_file(stale).unwrap();
    }
}
