//! What a column may hold, the likeliest first.

use super::about::About;
use super::agreed;
use super::by_type::{self, DAY, SECOND, choice, decimal, whole};
use super::name::words;
use super::narrow::listed;
use super::related::related;
use super::rules::{self, Found, Guess};
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Source, Topic};

/// A source and why.
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) reason: String,
    /// Whether more than the type calls for it.
    pub(super) meant: bool,
}

impl Candidate {
    fn meant(source: Source, reason: String) -> Self {
        Self {
            source,
            reason,
            meant: true,
        }
    }
}

/// Comments of more words are prose, whose words say little.
const COMMENT: usize = 6;

/// All candidates.
pub(super) fn candidates(about: &About<'_>) -> Vec<Candidate> {
    let mut found = Vec::with_capacity(4);
    let table = words(about.table);
    let listed = listed(about.kind, about.facts);
    let values = match (&listed, about.kind) {
        (Some(Source::Choice(values)), _) => values.iter().map(|v| v.value.clone()).collect(),
        (None, PgType::Enum(labels)) => labels.clone(),
        _ => Vec::new(),
    };
    if let Some(source) = agreed::of_listed(about, &table, &values) {
        let reason = "agrees with the person's name".to_owned();
        found.push(Candidate::meant(source, reason));
    }
    if let Some(source) = listed {
        found.push(Candidate::meant(source, from_facts(about)));
    }
    if let Some((phrase, guess, place)) = guessed(about, &table) {
        let guess = in_letters(about.kind, guess);
        if let Guess::Text(topic) = guess
            && place == "named"
            && let Some(source) = agreed::agreed(about, topic, phrase)
        {
            let reason = format!("named \"{phrase}\", agrees with others of its row");
            found.push(Candidate::meant(source, reason));
        }
        for source in sources(about, &table, guess) {
            let reason = format!("{place} \"{phrase}\"");
            found.push(Candidate::meant(source, reason));
        }
    }
    if let Some(source) = by_type::source(about.kind, about.today) {
        found.push(Candidate {
            source,
            reason: "by type".to_owned(),
            meant: false,
        });
    }
    found
}

/// The constraints that speak of the column.
pub(super) fn from_facts(about: &About<'_>) -> String {
    let mut names: Vec<&str> = about.facts.iter().map(|fact| fact.from.as_str()).collect();
    names.dedup();
    format!("check \"{}\"", names.join("\", \""))
}

fn guessed(about: &About<'_>, table: &str) -> Option<(&'static str, Guess, &'static str)> {
    let look = |words: &str| -> Found {
        match about.kind {
            PgType::Text(_) | PgType::Char(_) => rules::text(table, words),
            PgType::Array(element, _) if matches!(**element, PgType::Text(_)) => {
                Some(rules::text(table, words).unwrap_or(("list", Guess::Text(Topic::Label))))
            }
            PgType::Int(_) | PgType::Float(_) | PgType::Numeric(_) | PgType::Money => {
                rules::number(words)
            }
            PgType::Date | PgType::Timestamp(_) => rules::time(words),
            PgType::Bool => rules::flag(words),
            _ => None,
        }
    };
    if let Some((phrase, guess)) = look(&words(about.column.name.as_str())) {
        return Some((phrase, guess, "named"));
    }
    let comment = about.column.comment.as_deref()?;
    if comment.split_whitespace().count() > COMMENT {
        return None;
    }
    let (phrase, guess) = look(&words(comment))?;
    Some((phrase, guess, "its comment says"))
}

/// A country or a state of two letters is its code.
fn in_letters(kind: &PgType, guess: Guess) -> Guess {
    let two = matches!(kind, PgType::Char(2) | PgType::Text(Some(2)));
    match guess {
        Guess::Text(Topic::Country) if two => Guess::Text(Topic::CountryCode),
        Guess::Text(Topic::State) if two => Guess::Text(Topic::StateCode),
        other => other,
    }
}

fn sources(about: &About<'_>, table: &str, guess: Guess) -> Vec<Source> {
    if let PgType::Array(..) = about.kind {
        let element = match guess {
            Guess::Text(topic) => known(about, topic),
            _ => known(about, Topic::Label),
        };
        return vec![Source::Array {
            element: Box::new(element),
            min: 0,
            max: 4,
        }];
    }
    match guess {
        Guess::Text(topic) => {
            let mut sources: Vec<Source> = related(about, table, topic).into_iter().collect();
            sources.push(known(about, topic));
            if topic == Topic::Phone {
                sources.push(known(about, Topic::PhoneMany));
            }
            sources
        }
        Guess::Words(texts) => vec![choice(texts.iter().map(|text| (*text).to_owned()))],
        Guess::Prose(min, max) => vec![Source::Prose { min, max }],
        Guess::Flag(share) => vec![Source::Bool { share }],
        Guess::Number(min, max, scale) => vec![number(about.kind, min, max, scale)],
        Guess::Year(far, near) => {
            let year = by_type::year(about.today);
            let (from, to) = (f64::from(year - far), f64::from(year - near));
            vec![number(about.kind, from, to, 0)]
        }
        Guess::Money(most) => vec![money(number(about.kind, 1.0, most, 2), most)],
        Guess::Ago(far, near) => {
            let (today, step) = match about.kind {
                PgType::Date => (about.today.div_euclid(DAY) * DAY, DAY),
                _ => (about.today, SECOND),
            };
            vec![by_type::between(
                today - far * DAY,
                today - near * DAY,
                step,
            )]
        }
    }
}

/// Many small amounts and few large ones.
fn money(source: Source, most: f64) -> Source {
    match source {
        Source::Decimal {
            min, max, scale, ..
        } => Source::Decimal {
            min,
            max,
            scale,
            spread: Distribution::LogNormal {
                median: most.sqrt().min(max),
                sigma: 1.0,
            },
        },
        other => other,
    }
}

fn known(about: &About<'_>, topic: Topic) -> Source {
    Source::Known {
        topic,
        locale: about.locale,
    }
}

fn number(kind: &PgType, min: f64, max: f64, scale: u16) -> Source {
    // A share that has no digits behind the point is written in percent.
    let whole_share = scale > 0 && max <= 1.0;
    let max = match kind {
        PgType::Int(_) | PgType::Numeric(Some((_, ..=0))) if whole_share => max * 100.0,
        _ => max,
    };
    match kind {
        PgType::Int(_) => whole(min.ceil() as i64, max.floor() as i64),
        PgType::Numeric(Some((precision, own))) => {
            // A share written as a percentage has no room before the point otherwise.
            let most = 10_f64.powi(i32::from(*precision) - i32::from(*own));
            let scale = own.max(&0).unsigned_abs();
            let max = max.min(most - 10_f64.powi(-i32::from(scale)));
            decimal(min.min(max), max, scale)
        }
        _ => decimal(min, max, scale),
    }
}
