//! The house rules that the compiler and clippy do not check. Each rule is a function from a
//! source file to findings; each is tested by showing it a snippet that breaks it.

mod rules;
mod source;

use std::path::{Path, PathBuf};

use rules::RULES;
use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn below(dir: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let dir = root().join(dir);
    if dir.is_dir() {
        files(&dir, &mut found);
    } else {
        found.push(dir);
    }
    found.sort();
    found
        .iter()
        .filter_map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            // Files that are not text have nothing to say here.
            let text = std::fs::read_to_string(path).ok()?;
            Some((name.to_owned(), text))
        })
        .collect()
}

#[test]
fn the_sources_keep_the_house_rules() {
    let mut findings = Vec::new();
    for (name, text) in below("src") {
        if name.ends_with(".rs") {
            let source = Source::new(&name, &text);
            findings.extend(RULES.iter().flat_map(|rule| (rule.check)(&source)));
            findings.extend(rules::file_size(&source));
            findings.extend(rules::function_size(&source));
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_rule_goes_red_on_a_snippet_that_breaks_it_and_only_then() {
    for rule in RULES {
        let (name, text) = rule.breaks;
        let found = (rule.check)(&Source::new(name, &text.replace("@", "")));
        assert_eq!(found.len(), 1, "{}: {found:?}", rule.name);
        let (name, text) = rule.keeps;
        let found = (rule.check)(&Source::new(name, &text.replace("@", "")));
        assert!(found.is_empty(), "{}: {found:?}", rule.name);
    }
}

#[test]
fn large_files_and_functions_are_found() {
    let line = "    let x = 1; // why\n    // a remark\n\n";
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", line.repeat(lines));
    assert_eq!(
        rules::file_size(&Source::new("src/a.rs", &function(510))).len(),
        2
    );
    assert_eq!(
        rules::function_size(&Source::new("src/a.rs", &function(71))).len(),
        1
    );
    let small = function(60);
    assert_eq!(rules::file_size(&Source::new("src/a.rs", &small)).len(), 0);
    assert_eq!(
        rules::function_size(&Source::new("src/a.rs", &small)).len(),
        0
    );
    let tests = format!(
        "fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        function(100)
    );
    assert_eq!(
        rules::function_size(&Source::new("src/a.rs", &tests)).len(),
        0
    );
}

#[test]
fn committed_files_name_no_machine() {
    let mut findings = Vec::new();
    for dir in COMMITTED {
        if root().join(dir).exists() {
            for (name, text) in below(dir) {
                findings.extend(machine_paths(&name, &text));
            }
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    let planted = format!("see {}/wt/house\n", MACHINE[0].trim_end_matches('/'));
    assert_eq!(machine_paths("a.md", &planted).len(), 1);
}

#[test]
fn the_lock_file_is_there() {
    assert!(root().join("Cargo.lock").exists());
}

/// What is committed, besides build output.
const COMMITTED: &[&str] = &[
    "src",
    "tests",
    "docs",
    "migrations",
    "fixtures",
    "benches",
    "masking-rules",
    ".ci",
    ".config",
    "Cargo.toml",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "justfile",
    "clippy.toml",
    "deny.toml",
    "typos.toml",
    "rustfmt.toml",
];

/// Paths of one machine; in pieces, so that this file does not hold them.
const MACHINE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp", "/pg/"),
    concat!("/ro", "ot/"),
];

fn machine_paths(name: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            MACHINE.iter().any(|path| {
                line.match_indices(path).any(|(at, _)| {
                    // `a/work/b` is somebody's relative path.
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "-_.}".contains(c))
                })
            })
        })
        // passwd(5) entries and advice for users name root's home as such.
        .filter(|(_, line)| !line.contains(concat!("tidy: ", "allow")))
        .map(|(i, _)| format!("{name}:{}: a path of one machine", i + 1))
        .collect()
}
