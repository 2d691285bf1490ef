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

/// Names of the dependencies in a manifest.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut section = "";
    manifest
        .lines()
        .filter_map(|line| {
            if line.starts_with('[') {
                section = line;
            }
            let inside = matches!(section, "[dependencies]" | "[dev-dependencies]");
            let (name, _) = line.split_once('=')?;
            inside
                .then(|| name.trim())
                .filter(|name| !name.contains(' '))
        })
        .collect()
}

fn unexplained<'a>(manifest: &'a str, page: &str) -> Vec<&'a str> {
    let words: BTreeSet<&str> = page
        .split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .collect();
    let mut names = dependencies(manifest);
    names.retain(|name| !words.contains(name));
    names
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let page = fs::read_to_string(root.join("docs/dependencies.md")).unwrap();
    assert_eq!(unexplained(&manifest, &page), Vec::<&str>::new());
    let planted = "[dependencies]\nserde = \"1\"\nleft-pad = { version = \"1\" }\n[lints]\nx = 1\n";
    assert_eq!(unexplained(planted, &page), ["left-pad"]);
}
