//! What a machine lacks of what a backup's source had: collations of another version, extensions and
//! libraries that are not there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Collation, Settings};

/// Names that are told of each kind.
const NAMED: usize = 3;
/// The setting that loads libraries when a server starts.
pub const PRELOADED: &str = "shared_preload_libraries";

/// An extension of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version there.
    pub version: String,
    /// The database.
    pub database: String,
}

/// Collations of one provider that sort in another version here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherCollation {
    /// `libc`, `icu` or `builtin`.
    pub provider: String,
    /// The version that indexes were built with.
    pub recorded: String,
    /// The version here; none where the server knows none: it was built without ICU, or the C library is
    /// another one.
    pub actual: Option<String>,
    /// Which they are.
    pub names: Vec<String>,
}

impl OtherCollation {
    /// Of those that were recorded, the ones of `provider` that are not of the version `actual`.
    #[must_use]
    pub fn of(recorded: &[Collation], provider: &str, actual: &str) -> Vec<Self> {
        let mut other: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for one in recorded {
            if one.provider == provider && one.version != actual {
                let names = other.entry(&one.version).or_default();
                names.push(one.name.clone());
            }
        }
        let of_version = |(version, names): (&str, Vec<String>)| Self {
            provider: provider.to_owned(),
            recorded: version.to_owned(),
            actual: Some(actual.to_owned()),
            names,
        };
        other.into_iter().map(of_version).collect()
    }

    /// In a sentence, with what to do.
    #[must_use]
    pub fn warning(&self) -> String {
        let Self {
            provider,
            recorded,
            actual,
            names,
        } = self;
        let actual = match actual {
            Some(actual) => format!("are of {actual} here"),
            None => "have none here".to_owned(),
        };
        format!(
            "{provider} collations were of version {recorded} and {actual} ({}): indexes on text may be out of order; reindex them before anybody writes, then alter ... refresh collation version",
            few(names)
        )
    }
}

impl Settings {
    /// The libraries that the source loaded when it started.
    #[must_use]
    pub fn preloaded(&self) -> Vec<String> {
        let named = self.parameters.get(PRELOADED);
        named.map(|list| libraries(list)).unwrap_or_default()
    }

    /// What `holds` says is missing of the libraries and `knows` of the extensions, in sentences. The data
    /// comes back all the same.
    #[must_use]
    pub fn missing(
        &self,
        holds: impl Fn(&str) -> bool,
        knows: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let preloaded: Vec<String> = self.preloaded();
        let preloaded: Vec<String> = preloaded.into_iter().filter(|name| !holds(name)).collect();
        if !preloaded.is_empty() {
            found.push(format!(
                "{PRELOADED} of the source names {}, which is not installed here: the cluster does not start with the source's settings until it is",
                few(&preloaded)
            ));
        }
        let mut extensions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for extension in self.extensions.iter().filter(|one| !knows(&one.name)) {
            let Extension {
                name,
                version,
                database,
            } = extension;
            let databases = extensions.entry(format!("{name} {version}")).or_default();
            databases.push(database.clone());
        }
        for (extension, databases) in extensions {
            found.push(format!(
                "the extension {extension} of {} is not installed here: what needs it fails until it is",
                few(&databases)
            ));
        }
        let needed = self.libraries.iter();
        let needed: Vec<String> = needed.filter(|name| !holds(name)).cloned().collect();
        if !needed.is_empty() {
            found.push(format!(
                "functions need {}, which is not installed here: they fail until it is",
                few(&needed)
            ));
        }
        found
    }
}

/// The names in a setting that lists libraries: separated by commas, in double quotes where they are odd.
#[must_use]
pub fn libraries(list: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    for letter in list.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            letter => name.push(letter),
        }
    }
    names.push(name);
    let trimmed = names.iter().map(|name| name.trim().to_owned());
    trimmed.filter(|name| !name.is_empty()).collect()
}

/// The first names, and how many more there are.
fn few(names: &[String]) -> String {
    let told = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_libraries_are_read_as_the_server_reads_them() {
        for (list, names) in [
            ("", vec![]),
            ("pg_stat_statements", vec!["pg_stat_statements"]),
            (" a, \"b,c\" ,$libdir/d", vec!["a", "b,c", "$libdir/d"]),
        ] {
            assert_eq!(libraries(list), names, "{list}");
        }
    }

    #[test]
    fn another_version_is_told_and_the_same_is_not() {
        let collation = |name: &str, provider: &str, version: &str| Collation {
            name: name.to_owned(),
            provider: provider.to_owned(),
            version: version.to_owned(),
        };
        let recorded = [
            collation("en_US", "libc", "2.31"),
            collation("database shop", "libc", "2.31"),
            collation("de_DE", "libc", "2.36"),
            collation("und-x-icu", "icu", "153.14"),
        ];
        let [other] = OtherCollation::of(&recorded, "libc", "2.36")
            .try_into()
            .unwrap();
        let words = OtherCollation::warning(&other);
        assert!(
            words.contains("2.31") && words.contains("2.36 here"),
            "{words}"
        );
        assert!(words.contains("(en_US, database shop)"), "{words}");
        assert!(OtherCollation::of(&recorded, "icu", "153.14").is_empty());
        let without = OtherCollation {
            actual: None,
            ..other
        };
        let words = without.warning();
        assert!(words.contains("2.31 and have none here ("), "{words}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut settings = Settings::default();
        let list = "auto_explain, timescaledb".to_owned();
        settings.parameters.insert(PRELOADED.to_owned(), list);
        for database in ["a", "b", "c", "d", "e"] {
            for name in ["postgis", "pg_trgm"] {
                settings.extensions.push(Extension {
                    name: name.to_owned(),
                    version: "3.3".to_owned(),
                    database: database.to_owned(),
                });
            }
        }
        settings.libraries = vec!["$libdir/own".to_owned(), "$libdir/pg_trgm".to_owned()];
        let holds = |name: &str| !matches!(name, "timescaledb" | "$libdir/own");
        let found = settings.missing(holds, |name| name == "pg_trgm");
        let [preloaded, extension, library] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(preloaded.contains("timescaledb,"), "{preloaded}");
        assert!(!preloaded.contains("auto_explain"), "{preloaded}");
        assert!(
            extension.contains("postgis 3.3 of a, b, c and 2 more"),
            "{extension}"
        );
        assert!(library.contains("$libdir/own,"), "{library}");
        assert!(settings.missing(|_| true, |_| true).is_empty());
    }
}
