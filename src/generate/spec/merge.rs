//! Several files, one spec.

use super::model::Spec;
use super::reader::SpecText;
use crate::error::{Error, Kind, Result};

impl Spec {
    /// Reads the files of a spec; each says what the others do not.
    ///
    /// # Errors
    /// [`Kind::SeedSpec`] with the place, when a file is wrong or two files say the same.
    pub fn read(files: &[SpecText]) -> Result<Self> {
        let mut whole = Self::default();
        for file in files {
            whole.add(file.read()?, file)?;
        }
        Ok(whole)
    }

    /// Takes what was measured wherever the spec is silent.
    #[must_use]
    pub fn over(mut self, measured: Self) -> Self {
        for (name, table) in measured.tables {
            let plain = name.rsplit('.').next().unwrap_or_default().to_owned();
            let written = [&name, &plain, &format!("public.{name}")]
                .into_iter()
                .find(|written| self.tables.contains_key(*written))
                .cloned();
            let Some(said) = written.and_then(|written| self.tables.get_mut(&written)) else {
                self.tables.insert(name, table);
                continue;
            };
            if said.rows.is_none() && said.per.is_none() {
                said.rows = table.rows;
                said.per = table.per;
                said.learned = true;
            }
            for (column, measured) in table.columns {
                said.columns.entry(column).or_insert(measured);
            }
        }
        self
    }

    fn add(&mut self, more: Self, file: &SpecText) -> Result<()> {
        let twice = |what: &str| {
            let message = format!("{}: another file says {what} too", file.path.display());
            Error::new(Kind::SeedSpec, message)
        };
        only(&mut self.seed, more.seed).map_err(|()| twice("seed"))?;
        only(&mut self.scale, more.scale).map_err(|()| twice("scale"))?;
        only(&mut self.tenancy, more.tenancy).map_err(|()| twice("tenancy"))?;
        only(&mut self.locale, more.locale).map_err(|()| twice("locale"))?;
        for (name, table) in more.tables {
            if self.tables.contains_key(&name) {
                return Err(twice(&format!("[tables.{name}]")).at(table.place));
            }
            self.tables.insert(name, table);
        }
        for (name, rows) in more.scenarios {
            self.scenarios.entry(name).or_default().extend(rows);
        }
        Ok(())
    }
}

/// Takes a value that is not there yet; one that differs is refused.
fn only<T: PartialEq>(known: &mut Option<T>, more: Option<T>) -> Result<(), ()> {
    match (&known, more) {
        (_, None) => Ok(()),
        (None, more) => {
            *known = more;
            Ok(())
        }
        (Some(known), Some(more)) if *known == more => Ok(()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::spec::ColumnRule;

    fn read(text: &str) -> Result<Spec> {
        Spec::read(&[SpecText {
            path: "seeds/a.toml".into(),
            text: text.into(),
        }])
    }

    #[test]
    fn the_format_is_read() {
        let spec = read(
            r#"
version = 1
seed = 42
scale = 1.0
[tables.users]
rows = 100_000
columns.country = { choice = { DE = 0.5, FR = 0.3, PL = 0.2 } }
columns.kind = "person"
columns.age = { distribution = { normal = { mean = 40, deviation = 12 } }, nulls = 0.1 }
[tables.orders]
per = { parent = "users", count = { zipf = { min = 0, max = 200, exponent = 1.1 } } }
columns.created_at = { after = "users.created_at", within = "365d" }
[[scenarios.refund.users]]
id = 1
email = "a@example.com"
deleted_at = {}
"#,
        )
        .unwrap();
        assert_eq!(spec.seed, Some(42));
        let users = &spec.tables["users"];
        assert_eq!(users.rows, Some(100_000));
        assert!(
            matches!(&users.columns["country"].rule, Some(ColumnRule::Choice(v)) if v.len() == 3)
        );
        assert_eq!(
            users.columns["kind"].rule,
            Some(ColumnRule::Constant("person".into()))
        );
        assert_eq!(users.columns["age"].nulls, Some(0.1));
        let orders = &spec.tables["orders"];
        assert_eq!(orders.per.as_ref().unwrap().parent, "users");
        assert_eq!(
            orders.columns["created_at"].rule,
            Some(ColumnRule::After {
                of: "users.created_at".into(),
                least: 0,
                most: 365 * 86_400_000_000
            })
        );
        assert_eq!(spec.scenarios["refund"][0].values["deleted_at"], None);
    }

    #[test]
    fn what_is_wrong_has_a_place_and_a_hint() {
        for (text, line, message, hint) in [
            (
                "version = 1\n[tables.a]\nrwos = 1\n",
                3,
                "unknown field",
                "did you mean \"rows\"?",
            ),
            ("version = 2\n", 1, "version 2", ""),
            (
                "version = 1\n[tables.a]\ncolumns.b = { choices = [1] }\n",
                3,
                "unknown field",
                "did you mean \"choice\"?",
            ),
            (
                "version = 1\n[tables.a]\ncolumns.b = { choice = [1], pattern = \"x\" }\n",
                3,
                "one generator",
                "",
            ),
            (
                "version = 1\n[tables.a]\ncolumns.b = { after = \"c\", within = \"2y\" }\n",
                3,
                "duration",
                "",
            ),
            (
                "version = 1\n[tables.a]\nrows = 1\nper = { parent = \"b\", count = 2 }\n",
                4,
                "rows and per",
                "",
            ),
            ("version = 1\nscale = 0.0\n", 2, "more than 0", ""),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), Kind::SeedSpec);
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.place().unwrap().line_column().0, line, "{text}");
            assert!(
                error.hint_text().contains(hint),
                "{text}: {}",
                error.hint_text()
            );
        }
    }
}
