//! Several files become one policy.

use sha2::{Digest, Sha256};
use toml::Spanned;

use super::entry::{Entry, RowsEntry, Section, said_at, twice};
use super::format::{RawAllow, RawKey, RawRisk, RawSubset, Unclassified};
use super::key_source::KeySource;
use super::pack;
use super::reader::{PolicyFile, Reader, SourceText};
use crate::error::{Error, Kind, Place, Result};
use crate::masking::LargeObjects;
use crate::masking::defaults::all_rules;
use crate::sql::nearest;

/// The masking policy of a project: all files below `masking-rules/` together.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) sections: Vec<Section>,
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Vec<RowsEntry>,
    pub(super) unclassified: Unclassified,
    pub(super) key: Option<KeySource>,
    pub(super) epoch: String,
    /// Keys of earlier epochs that are still valid.
    pub(super) retiring: Vec<(String, KeySource, Place)>,
    pub(super) packs: Vec<String>,
    pub(super) subset: Option<Placed<RawSubset>>,
    pub(super) risk: Option<Placed<RawRisk>>,
    pub(super) allow: RawAllow,
    pub(super) large_objects: Option<LargeObjects>,
    pub(super) hash: String,
    /// A file that a new rule can be written into.
    pub(super) file: std::path::PathBuf,
}

/// A part of a file with that file, so that places inside can be named.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) part: T,
    pub(super) source: SourceText,
}

impl<T> Placed<T> {
    pub(super) fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place::new(&self.source.path, &self.source.text, span)
    }
}

/// Settings that may stand in one file only, with the place where each was read.
#[derive(Default)]
struct Settings {
    unclassified: Option<(Unclassified, Place)>,
    key: Option<(KeySource, Place)>,
    epoch: Option<(String, Place)>,
    subset: Option<(Placed<RawSubset>, Place)>,
    risk: Option<(Placed<RawRisk>, Place)>,
    large_objects: Option<(LargeObjects, Place)>,
}

impl Policy {
    /// Reads the files of one policy; the order plays no part.
    ///
    /// # Errors
    /// [`Kind::MaskSyntax`] for what cannot be read, [`Kind::MaskRule`] for a column that is ruled
    /// twice; each with its place.
    pub fn parse(files: &[SourceText]) -> Result<Self> {
        let mut policy = Self {
            sections: Vec::new(),
            entries: Vec::new(),
            rows: Vec::new(),
            unclassified: Unclassified::Deny,
            key: None,
            epoch: "1".to_owned(),
            retiring: Vec::new(),
            packs: Vec::new(),
            subset: None,
            risk: None,
            allow: RawAllow::default(),
            large_objects: None,
            hash: String::new(),
            file: files
                .first()
                .map(|file| file.path.clone())
                .unwrap_or_default(),
        };
        let mut settings = Settings::default();
        for source in files {
            let reader = Reader {
                path: &source.path,
                text: &source.text,
            };
            policy.add(reader.file()?, source, &reader, &mut settings)?;
        }
        policy.unclassified = settings
            .unclassified
            .map_or(Unclassified::Deny, |(value, _)| value);
        policy.key = settings.key.map(|(value, _)| value);
        if let Some((epoch, _)) = settings.epoch {
            policy.epoch = epoch;
        }
        policy.check_epochs()?;
        policy.subset = settings.subset.map(|(value, _)| value);
        policy.risk = settings.risk.map(|(value, _)| value);
        policy.large_objects = settings.large_objects.map(|(value, _)| value);
        policy.hash = policy.digest(files);
        Ok(policy)
    }

    fn add(
        &mut self,
        file: PolicyFile,
        source: &SourceText,
        reader: &Reader<'_>,
        settings: &mut Settings,
    ) -> Result<()> {
        self.add_rules(file.sections, file.entries, file.rows)?;
        let head = file.head;
        for name in head.packs {
            self.add_pack(name.get_ref(), reader.place(name.span()))?;
        }
        if let Some(value) = head.unclassified {
            once(
                "unclassified",
                &mut settings.unclassified,
                (*value.get_ref(), reader.place(value.span())),
            )?;
        }
        if let Some(value) = head.key {
            let place = reader.place(value.span());
            let key = KeySource::of(value.get_ref())
                .map_err(|message| Error::new(Kind::MaskSyntax, message).at(place.clone()))?;
            if let Some(epoch) = &value.get_ref().epoch {
                once("epoch", &mut settings.epoch, (epoch.clone(), place.clone()))?;
            }
            once("key", &mut settings.key, (key, place))?;
        }
        self.add_retiring(head.retiring, reader)?;
        if let Some(value) = head.epoch {
            let place = reader.place(value.span());
            once("epoch", &mut settings.epoch, (value.into_inner(), place))?;
        }
        let placed = |span| reader.place(span);
        if let Some(value) = head.subset {
            let place = placed(value.span());
            only("[subset]", settings.subset.as_ref().map(|s| &s.1), &place)?;
            let part = value.into_inner();
            settings.subset = Some((
                Placed {
                    part,
                    source: source.clone(),
                },
                place,
            ));
        }
        if let Some(value) = head.risk {
            let place = placed(value.span());
            only("[risk]", settings.risk.as_ref().map(|s| &s.1), &place)?;
            let part = value.into_inner();
            settings.risk = Some((
                Placed {
                    part,
                    source: source.clone(),
                },
                place,
            ));
        }
        if let Some(value) = head.large_objects {
            let place = reader.place(value.span());
            let value = (value.into_inner(), place);
            once("large_objects", &mut settings.large_objects, value)?;
        }
        self.allow.comments.extend(head.allow.comments);
        self.allow.defaults.extend(head.allow.defaults);
        self.allow.bodies.extend(head.allow.bodies);
        let extensions = head.allow.extension_rows;
        self.allow.extension_rows.extend(extensions);
        Ok(())
    }

    fn add_retiring(&mut self, keys: Vec<Spanned<RawKey>>, reader: &Reader<'_>) -> Result<()> {
        for value in keys {
            let place = reader.place(value.span());
            let bad = |message: String| Error::new(Kind::MaskSyntax, message).at(place.clone());
            let source = KeySource::of(value.get_ref()).map_err(bad)?;
            let epoch = value.get_ref().epoch.clone();
            let epoch = epoch.ok_or_else(|| bad("a retiring key needs its epoch".to_owned()))?;
            self.retiring.push((epoch, source, place));
        }
        Ok(())
    }

    fn add_rules(
        &mut self,
        sections: Vec<Section>,
        entries: Vec<Entry>,
        row_entries: Vec<RowsEntry>,
    ) -> Result<()> {
        for entry in &entries {
            if let Some(first) = self
                .entries
                .iter()
                .find(|e| e.table == entry.table && e.column == entry.column)
            {
                let what = format!("{}.{}", entry.table.as_str(), entry.column.as_str());
                return Err(twice(&what, &first.place, &entry.place));
            }
        }
        for rows in &row_entries {
            if let Some(first) = self.rows.iter().find(|e| e.table == rows.table) {
                let what = format!("rows of {}", rows.table.as_str());
                return Err(twice(&what, &first.place, &rows.place));
            }
        }
        self.entries.extend(entries);
        self.rows.extend(row_entries);
        self.sections.extend(sections);
        Ok(())
    }

    fn add_pack(&mut self, name: &str, place: Place) -> Result<()> {
        let known = pack::names();
        if !known.contains(&name) {
            return Err(
                Error::new(Kind::MaskSyntax, format!("there is no pack \"{name}\""))
                    .hint(match nearest(name, &known) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => format!("the packs are {}", known.join(", ")),
                    })
                    .at(place),
            );
        }
        if !self.packs.iter().any(|pack| pack == name) {
            self.packs.push(name.to_owned());
        }
        Ok(())
    }

    /// SHA-256 over the names and texts of the files, and over the texts of the packs: a new
    /// Tidegate whose packs mask otherwise gives another hash.
    fn digest(&self, files: &[SourceText]) -> String {
        let mut parts: Vec<(String, &str)> = files
            .iter()
            .map(|file| {
                let name = file.path.file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), &*file.text)
            })
            .collect();
        parts.sort();
        let rules = all_rules();
        parts.push(("classes".to_owned(), &rules));
        parts.extend(
            pack::TEXTS
                .iter()
                .filter(|(name, _)| self.packs.iter().any(|pack| pack == name))
                .map(|(name, text)| (format!("pack {name}"), *text)),
        );
        let mut hash = Sha256::new();
        for text in parts.iter().flat_map(|(name, text)| [name.as_str(), text]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }

    /// Each epoch has one key.
    fn check_epochs(&self) -> Result<()> {
        for (i, (epoch, _, place)) in self.retiring.iter().enumerate() {
            let earlier = self.retiring[..i].iter().any(|(other, ..)| other == epoch);
            if earlier || *epoch == self.epoch {
                return Err(
                    Error::new(Kind::MaskSyntax, format!("epoch {epoch} has two keys"))
                        .hint("give the new key another epoch")
                        .at(place.clone()),
                );
            }
        }
        Ok(())
    }

    /// The epochs whose keys are valid: the one of new copies, then those that retire.
    pub fn epochs(&self) -> impl Iterator<Item = &str> {
        let retiring = self.retiring.iter().map(|(epoch, ..)| epoch.as_str());
        std::iter::once(self.epoch.as_str()).chain(retiring)
    }

    /// Where the key of an epoch is kept.
    ///
    /// # Errors
    /// [`Kind::MaskKey`] for an epoch that is retired, or never was.
    pub fn key_of_epoch(&self, epoch: &str) -> Result<&KeySource> {
        if epoch == self.epoch {
            return self.key();
        }
        let retiring = self.retiring.iter().find(|(other, ..)| other == epoch);
        retiring.map(|(_, source, _)| source).ok_or_else(|| {
            let known: Vec<&str> = self.epochs().collect();
            Error::new(
                Kind::MaskKey,
                format!(
                    "the masking rules have no key of epoch {epoch}: it is retired, or never was"
                ),
            )
            .hint(format!(
                "valid are {}; as long as an older one is needed, name it under `retiring`",
                known.join(", ")
            ))
        })
    }

    /// Where the masking key is kept.
    ///
    /// # Errors
    /// [`Kind::MaskKey`] when no file says so.
    pub fn key(&self) -> Result<&KeySource> {
        self.key.as_ref().ok_or_else(|| {
            Error::new(Kind::MaskKey, "the masking rules name no key").hint(format!(
                "add key = {{ env = \"TIDEGATE_MASK_KEY\" }} to {}; make one with `openssl rand -hex 32`",
                self.file.display()
            ))
        })
    }

    /// The epoch of the key.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// SHA-256 over all files and the packs they use, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// Takes a setting; a second one must say the same.
fn once<T: PartialEq>(name: &str, slot: &mut Option<(T, Place)>, new: (T, Place)) -> Result<()> {
    match slot {
        Some((value, first)) if *value != new.0 => Err(Error::new(
            Kind::MaskSyntax,
            format!("{name} is said twice: here and at {}", said_at(first)),
        )
        .hint("say it in one file")
        .at(new.1)),
        _ => {
            *slot = Some(new);
            Ok(())
        }
    }
}

fn only(name: &str, first: Option<&Place>, second: &Place) -> Result<()> {
    match first {
        None => Ok(()),
        Some(first) => Err(Error::new(
            Kind::MaskSyntax,
            format!("{name} stands in two files: here and at {}", said_at(first)),
        )
        .hint("put it into one file")
        .at(second.clone())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn source(name: &str, text: &str) -> SourceText {
        SourceText {
            path: format!("masking-rules/{name}").into(),
            text: Arc::from(text),
        }
    }

    fn parse(texts: &[&str]) -> Result<Policy> {
        let files: Vec<SourceText> = texts
            .iter()
            .enumerate()
            .map(|(i, text)| source(&format!("{i}.toml"), text))
            .collect();
        Policy::parse(&files)
    }

    /// The example of the format's description.
    const EXAMPLE: &str = r#"version = 1
unclassified = "deny"                       # a column, table or JSON key that no rule covers stops the copy
key = { env = "TIDEGATE_MASK_KEY" }         # 256 bits; an absent or weak key is refused
packs = ["person", "contact", "payment", "web", "secrets"]   # shipped rule packs; an explicit rule always wins

[tables.users]
id         = "keep"
email      = { mask = "email", unique = true, domain = "person" }   # same domain + same value = same mask everywhere
full_name  = { mask = "person_name", locale = "de_DE" }
card       = { mask = "card_number" }       # Luhn-valid, keeps the brand, one to one
birth_date = { mask = "shift_days", max = 30, per = "id" }
profile    = { json = { "$.phone" = "phone", "$.prefs.*" = "keep" }, otherwise = "redact" }
notes      = "redact_text"

[tables.sessions]
rows = "none"

[subset]
seed_rows = [{ table = "users", percent = 5, stable_by = "id" }]
max_size = "5GB"
"#;

    #[test]
    fn the_example_of_the_format() {
        let policy = parse(&[EXAMPLE]).unwrap();
        assert_eq!(
            policy.key().unwrap(),
            &KeySource::Env("TIDEGATE_MASK_KEY".into())
        );
        assert_eq!(policy.packs.len(), 5);
        assert_eq!(policy.entries.len(), 7);
        assert_eq!(policy.rows[0].rows, crate::masking::Rows::None);
        let subset = &policy.subset.as_ref().unwrap().part;
        assert_eq!(
            subset.seed_rows[0].percent.as_ref().map(|p| *p.get_ref()),
            Some(5.0)
        );
        let place = &policy.entries[1].place;
        assert_eq!(place.line_column(), (8, 1));
        assert_eq!(&place.text[place.span.clone()], "email");
    }

    #[test]
    fn what_is_wrong_is_placed_and_guessed() {
        for (from, to, line, hint) in [
            ("packs =", "pack =", 4, "did you mean \"packs\"?"),
            (
                "\"payment\"",
                "\"payments\"",
                4,
                "did you mean \"payment\"?",
            ),
            ("version = 1", "version = 2", 1, ""),
            ("\"deny\"", "\"denie\"", 2, ""),
            ("env =", "envv =", 3, "did you mean \"env\"?"),
            ("key = { env = \"TIDEGATE_MASK_KEY\" }", "key = {}", 3, ""),
            ("\"redact_text\"", "\"no_such\"", 13, ""),
            (
                "\"redact_text\"",
                "{ class = \"emial\" }",
                13,
                "did you mean \"email\"?",
            ),
            ("\"redact_text\"", "3", 13, ""),
            (
                "rows = \"none\"",
                "rows = \"some\"",
                16,
                "rules for a column that is named rows go into [tables.NAME.columns]",
            ),
            ("rows = \"none\"", "rows = { when = \"x\" }", 16, ""),
            ("stable_by", "stabel_by", 19, "did you mean \"stable_by\"?"),
            ("[subset]", "[subsets]", 18, "did you mean \"subset\"?"),
        ] {
            assert!(EXAMPLE.contains(from), "{from}");
            let error = parse(&[&EXAMPLE.replacen(from, to, 1)]).unwrap_err();
            assert_eq!(error.kind(), Kind::MaskSyntax, "{to}: {error}");
            assert_eq!(
                error.place().unwrap().line_column().0,
                line,
                "{to}: {error}"
            );
            assert!(
                hint.is_empty() || error.hint_text() == hint,
                "{to}: {}",
                error.hint_text()
            );
        }
        let error = parse(&["version = 1\n[tables.sales.users]\nid = \"no_such\""]);
        assert!(error.is_ok() || error.unwrap_err().hint_text().contains("schema.table"));
    }

    #[test]
    fn files_merge_and_contradictions_are_named_with_both_places() {
        let one = "version = 1\npacks = [\"web\"]\nepoch = \"1\"\n[tables.a]\nx = \"keep\"\n";
        let merged = parse(&[
            one,
            "version = 1\npacks = [\"web\", \"person\"]\n[tables.a]\ny = \"null\"",
        ]);
        let merged = merged.unwrap();
        assert_eq!((merged.entries.len(), merged.packs.len()), (2, 2));
        for (second, kind) in [
            ("version = 1\n[tables.a]\nx = \"keep\"", Kind::MaskRule),
            (
                "version = 1\n[tables.a.columns]\nx = \"null\"",
                Kind::MaskRule,
            ),
            ("version = 1\nepoch = \"2\"", Kind::MaskSyntax),
        ] {
            let error = parse(&[one, second]).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(
                error.to_string().contains("masking-rules/0.toml:"),
                "{error}"
            );
            assert!(error.place().unwrap().file.ends_with("1.toml"), "{error}");
        }
        let within = "version = 1\n[tables.a]\nx = \"keep\"\n[tables.a.columns]\nx = \"null\"";
        assert_eq!(parse(&[within]).unwrap_err().kind(), Kind::MaskRule);
    }

    #[test]
    fn columns_named_rows_and_columns_can_be_ruled() {
        let policy = parse(&["version = 1\n[tables.t]\nrows = \"all\"\n[tables.t.columns]\nrows = \"keep\"\ncolumns = \"null\""]).unwrap();
        let names: Vec<_> = policy.entries.iter().map(|e| e.column.as_str()).collect();
        assert_eq!(names, ["rows", "columns"]);
    }

    #[test]
    fn the_hash_follows_texts_and_packs_but_not_the_order_of_files() {
        let (a, b) = (
            source("a.toml", "version = 1\n"),
            source("b.toml", "version = 1\nepoch = \"1\""),
        );
        let hash = |files: &[SourceText]| Policy::parse(files).unwrap().hash;
        assert_eq!(hash(&[a.clone(), b.clone()]), hash(&[b.clone(), a.clone()]));
        assert_ne!(hash(std::slice::from_ref(&a)), hash(&[a.clone(), b]));
        assert_ne!(
            hash(&[a]),
            hash(&[source("a.toml", "version = 1\npacks = [\"web\"]")])
        );
    }
}
