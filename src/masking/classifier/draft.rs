//! The draft of a policy.

use std::fmt::Write as _;

use super::facts::Family;
use super::finding::Finding;
use super::judgement::Verdict;
use crate::masking::Class;

/// Findings below this are to be looked at by a person.
const SURE: f64 = 0.7;

/// A table of the draft.
#[derive(Debug, Clone)]
pub struct DraftTable {
    /// Its name as policies write it.
    pub name: String,
    /// Every column that stores a value, in order.
    pub columns: Vec<DraftColumn>,
    /// Columns that PostgreSQL computes; they take no rule.
    pub generated: Vec<String>,
}

/// A column of the draft.
#[derive(Debug, Clone)]
pub struct DraftColumn {
    /// Its name.
    pub name: String,
    /// The type's family; that of the base type of a domain.
    pub family: Family,
    /// The type as `format_type` names it.
    pub data_type: String,
    /// Whether null is refused.
    pub not_null: bool,
    /// Whether it is a unique key by itself.
    pub unique: bool,
    /// What was found.
    pub verdict: Verdict,
}

/// The text of a policy with a rule for every column, each with its reason; what is not sure is
/// marked `# review`.
#[must_use]
pub fn draft(tables: &[DraftTable]) -> String {
    let mut text = String::from(
        "# Draft by `tidegate mask scan`: read each line, above all those marked `review`.\n\
         version = 1\nunclassified = \"deny\"\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n",
    );
    for table in tables {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n[tables.{}]", toml_key(&table.name));
        let lines: Vec<(String, String)> = table.columns.iter().map(line).collect();
        let width = lines
            .iter()
            .map(|(rule, _)| rule.chars().count())
            .max()
            .unwrap_or(0)
            .min(60);
        for (rule, remark) in lines {
            let _ = writeln!(text, "{}", format!("{rule:<width$}  {remark}").trim_end());
        }
        for name in &table.generated {
            let _ = writeln!(text, "# {}: generated, takes no rule", one_line(name));
        }
    }
    text
}

fn line(column: &DraftColumn) -> (String, String) {
    let key = toml_key(&column.name);
    let Some(finding) = &column.verdict.finding else {
        return (format!("{key} = \"keep\""), String::new());
    };
    let (rule, certain) = rule(column, finding);
    let review = if certain && finding.confidence >= SURE {
        ""
    } else {
        "review: "
    };
    let remark = format!(
        "# {review}{} {:.2}: {}",
        finding.class,
        finding.confidence,
        one_line(&finding.reason)
    );
    (format!("{key} = {rule}"), remark)
}

/// The rule for a class on a type, and whether it surely fits.
fn rule(column: &DraftColumn, finding: &Finding) -> (String, bool) {
    use Family as F;
    let keep = || ("\"keep\"".to_owned(), false);
    let empty = || {
        if column.not_null {
            keep()
        } else {
            ("\"null\"".to_owned(), true)
        }
    };
    if finding.class == Class::PseudonymousId {
        return ("\"keep\"".to_owned(), true);
    }
    match column.family {
        F::Text => (text_rule(finding.class, column.unique), true),
        F::Document if column.data_type.starts_with("json") => (json_rule(column), true),
        F::Document if column.data_type == "xml" => ("\"redact_text\"".to_owned(), false),
        F::Date | F::Time
            if column.data_type.starts_with("date")
                || column.data_type.starts_with("timestamp") =>
        {
            ("{ mask = \"shift_days\", max = 30 }".to_owned(), true)
        }
        F::Integer | F::Decimal if column.unique => {
            ("{ mask = \"hash\", unique = true }".to_owned(), false)
        }
        F::Integer | F::Decimal
            if matches!(
                finding.class,
                Class::Age | Class::Money | Class::Location | Class::Health
            ) =>
        {
            ("{ mask = \"noise\", percent = 10 }".to_owned(), true)
        }
        F::Integer | F::Decimal => ("\"hash\"".to_owned(), false),
        F::Uuid => (with_unique("uuid", column.unique), true),
        F::Inet => (with_unique("ip", column.unique), true),
        F::Mac => (with_unique("mac", column.unique), true),
        _ => empty(),
    }
}

fn with_unique(mask: &str, unique: bool) -> String {
    if unique {
        format!("{{ mask = \"{mask}\", unique = true }}")
    } else {
        format!("\"{mask}\"")
    }
}

fn text_rule(class: Class, unique: bool) -> String {
    let mask = text_mask(class);
    if unique
        && matches!(
            mask,
            "redact" | "redact_text" | "null" | "city" | "postal_code"
        )
    {
        return with_unique("hash", true);
    }
    with_unique(mask, unique)
}

/// The mask that keeps a text of the class usable.
fn text_mask(class: Class) -> &'static str {
    use Class as C;
    match class {
        C::PersonName => "person_name",
        C::FirstName => "first_name",
        C::LastName => "last_name",
        C::UserName => "user_name",
        C::Email => "email",
        C::Phone => "phone",
        C::Address => "address",
        C::City => "city",
        C::PostalCode => "postal_code",
        C::Company => "company",
        C::CardNumber => "card_number",
        C::Iban => "iban",
        C::NationalId => "national_id",
        C::IpAddress => "ip",
        C::UserAgent => "user_agent",
        C::Url => "url",
        C::FreeText | C::Document => "redact_text",
        C::DeviceId
        | C::BankAccount
        | C::DocumentId
        | C::Secret
        | C::Password
        | C::PseudonymousId => "hash",
        C::Location
        | C::BirthDate
        | C::Age
        | C::Gender
        | C::Sensitive
        | C::CardSecurity
        | C::Money
        | C::Health
        | C::Biometric
        | C::PersonalDate => "redact",
    }
}

/// A rule a path; what was not seen is redacted.
fn json_rule(column: &DraftColumn) -> String {
    let paths: Vec<String> = column
        .verdict
        .leaves
        .iter()
        .map(|(path, finding)| {
            let mask = finding
                .as_ref()
                .map_or("keep", |finding| text_mask(finding.class));
            format!("{} = \"{mask}\"", toml_text(path))
        })
        .collect();
    if paths.is_empty() {
        return "\"redact\"".to_owned();
    }
    format!(
        "{{ json = {{ {} }}, otherwise = \"redact\" }}",
        paths.join(", ")
    )
}

/// A key of TOML, quoted where it must be.
fn toml_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml_text(name)
    }
}

fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Comments end with their line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str, found: Option<(Class, f64)>) -> DraftColumn {
        DraftColumn {
            name: name.into(),
            family: Family::of(data_type),
            data_type: data_type.into(),
            not_null: false,
            unique: false,
            verdict: Verdict {
                finding: found
                    .map(|(class, sure)| Finding::new(class, sure, "named \"x\"\nand so")),
                leaves: Vec::new(),
            },
        }
    }

    #[test]
    fn every_column_has_a_rule_and_the_text_is_toml() {
        let mut mail = column("e \"mail\"", "text", Some((Class::Email, 0.98)));
        mail.unique = true;
        let mut profile = column("profile", "jsonb", Some((Class::Document, 0.9)));
        profile.verdict.leaves = vec![
            ("$.phone".into(), Some(Finding::new(Class::Phone, 0.9, "x"))),
            ("$.theme".into(), None),
        ];
        let table = DraftTable {
            name: "crm.users".into(),
            columns: vec![
                column("id", "bigint", Some((Class::PseudonymousId, 0.5))),
                mail,
                profile,
                column("born", "date", Some((Class::BirthDate, 0.5))),
                column("kind", "text", None),
            ],
            generated: vec!["full".into()],
        };
        let text = draft(&[table]);
        let parsed: toml::Table = toml::from_str(&text).unwrap();
        let rules = parsed["tables"]["crm.users"].as_table().unwrap();
        assert_eq!(rules.len(), 5);
        assert_eq!(rules["e \"mail\""]["mask"].as_str(), Some("email"));
        assert_eq!(rules["e \"mail\""]["unique"].as_bool(), Some(true));
        assert_eq!(rules["profile"]["json"]["$.phone"].as_str(), Some("phone"));
        assert_eq!(rules["profile"]["json"]["$.theme"].as_str(), Some("keep"));
        assert_eq!(rules["profile"]["otherwise"].as_str(), Some("redact"));
        assert_eq!(rules["born"]["mask"].as_str(), Some("shift_days"));
        assert!(text.contains("# review: birth-date 0.50: named"), "{text}");
        assert!(text.contains("# email 0.98"), "{text}");
    }
}
