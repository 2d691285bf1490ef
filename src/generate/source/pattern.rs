//! Strings that match a regular expression.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use super::{Make, RowView, Source};
use crate::generate::fact::{Fact, Says};
use crate::generate::permutation::Permutation;
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Repetitions beyond the least that are made at most; fewer where the column has no room.
const EXTRA: [u32; 6] = [12, 8, 4, 2, 1, 0];
/// Characters of a text without a limit.
const ROOM: usize = 4096;
/// Characters that are taken from a class without any of ASCII.
const FOREIGN: usize = 64;

#[derive(Debug, Clone)]
enum Node {
    Text(String),
    One(Vec<char>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Repeat(Box<Node>, u32, u32),
}

#[derive(Debug)]
struct Pattern {
    node: Node,
    /// A part of the strings where each is made in one way only.
    distinct: Node,
    size: u64,
    order: Permutation,
}

impl Source {
    /// The strings that the first pattern among the facts matches; `None` when there is no pattern,
    /// or none that strings are made of here.
    #[must_use]
    pub(in crate::generate) fn of_pattern(facts: &[Fact], kind: &PgType) -> Option<Self> {
        facts.iter().find_map(|fact| {
            let Says::Matches(regex, fold) = &fact.says else {
                return None;
            };
            let (regex, fold) = match of_length(regex, *fold, facts) {
                Some(regex) => (regex, false),
                None => (regex.clone(), *fold),
            };
            pattern(&regex, fold, StreamKey::new(0, "", ""), kind)?;
            Some(Self::Pattern { regex, fold })
        })
    }

    /// A pattern whose strings differ by more than the case of letters: of letters that may be large
    /// or small, small ones are made. Other sources stay as they are.
    #[must_use]
    pub(in crate::generate) fn of_one_case(self) -> Self {
        let Self::Pattern { regex, fold } = self else {
            return self;
        };
        let parsed = ParserBuilder::new()
            .case_insensitive(fold)
            .build()
            .parse(&regex);
        match parsed {
            Ok(hir) => Self::Pattern {
                regex: small(&hir).to_string(),
                fold: false,
            },
            Err(_) => Self::Pattern { regex, fold },
        }
    }
}

/// The expression of one class that is repeated from beginning to end, as often as constraints on the
/// length allow; `None` for any other, or when they say nothing.
fn of_length(regex: &str, fold: bool, facts: &[Fact]) -> Option<String> {
    let lengths = facts.iter().filter_map(|fact| match fact.says {
        Says::Length(least, most) => Some((least, most)),
        _ => None,
    });
    let met = |(l, m): (u32, u32), (least, most): (u32, u32)| (l.max(least), m.min(most));
    let (least, most) = lengths.reduce(met)?;
    let mut parser = ParserBuilder::new().case_insensitive(fold).build();
    let hir = parser.parse(regex).ok()?;
    let HirKind::Concat(parts) = hir.kind() else {
        return None;
    };
    let [start, middle, end] = &parts[..] else {
        return None;
    };
    let (HirKind::Look(Look::Start), HirKind::Repetition(repeated), HirKind::Look(Look::End)) =
        (start.kind(), middle.kind(), end.kind())
    else {
        return None;
    };
    let HirKind::Class(_) = repeated.sub.kind() else {
        return None;
    };
    let (min, max) = met(
        (repeated.min, repeated.max.unwrap_or(u32::MAX)),
        (least, most),
    );
    let repeated = Hir::repetition(Repetition {
        min,
        max: (max < u32::MAX).then_some(max),
        ..repeated.clone()
    });
    let whole = Hir::concat(vec![start.clone(), repeated, end.clone()]);
    (min <= max).then(|| whole.to_string())
}

/// An expression without the large letters that stand beside their small ones.
fn small(hir: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(small).collect();
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let pairs = class.iter().flat_map(|range| {
                let large = |c: char| range.start() <= c && c <= range.end();
                ('A'..='Z').filter(move |c| large(*c))
            });
            let within = |c: char| class.iter().any(|r| r.start() <= c && c <= r.end());
            let out = pairs.filter(|c| within(c.to_ascii_lowercase()));
            let out = ClassUnicode::new(out.map(|c| ClassUnicodeRange::new(c, c)));
            let mut kept = class.clone();
            kept.difference(&out);
            Hir::class(Class::Unicode(kept))
        }
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(small(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(capture) => small(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        _ => hir.clone(),
    }
}

pub(super) fn pattern(
    regex: &str,
    fold: bool,
    key: StreamKey,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let room = match kind {
        PgType::Text(room) => room.map_or(ROOM, |room| room as usize),
        PgType::Char(room) => *room as usize,
        _ => return None,
    };
    let mut parser = ParserBuilder::new().case_insensitive(fold).build();
    let hir = parser.parse(regex).ok()?;
    let node = EXTRA
        .iter()
        .filter_map(|extra| read(&hir, *extra, (true, true)))
        .find(|node| node.longest() <= room)?;
    let distinct = node.clone().distinct();
    let size = distinct.size();
    Some(Box::new(Pattern {
        order: Permutation::new(key.word(), size),
        node,
        distinct,
        size,
    }))
}

/// What makes the strings of an expression. Anchors are met where nothing stands before or after
/// them; elsewhere, and for the bounds of words, there is none.
fn read(hir: &Hir, extra: u32, (start, end): (bool, bool)) -> Option<Node> {
    Some(match hir.kind() {
        HirKind::Empty => Node::Text(String::new()),
        HirKind::Literal(literal) => Node::Text(String::from_utf8(literal.0.to_vec()).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = || class.ranges().iter().map(|r| r.start()..=r.end());
            one(ranges().flatten().take(4096).collect())?
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges().iter().map(|r| r.start()..=r.end());
            one(ranges
                .flatten()
                .filter(u8::is_ascii)
                .map(char::from)
                .collect())?
        }
        HirKind::Look(Look::Start) if start => Node::Text(String::new()),
        HirKind::Look(Look::End) if end => Node::Text(String::new()),
        HirKind::Look(_) => return None,
        HirKind::Capture(capture) => read(&capture.sub, extra, (start, end))?,
        HirKind::Repetition(repetition) => {
            let least = repetition.min;
            let most = repetition.max.unwrap_or(u32::MAX);
            let most = most.min(least.saturating_add(extra));
            let inner = read(&repetition.sub, extra, (false, false))?;
            Node::Repeat(Box::new(inner), least, most)
        }
        HirKind::Concat(parts) => {
            let last = parts.len().saturating_sub(1);
            let parts = parts.iter().enumerate().map(|(index, part)| {
                let at = (start && index == 0, end && index == last);
                read(part, extra, at)
            });
            Node::All(parts.collect::<Option<_>>()?)
        }
        HirKind::Alternation(parts) => {
            let parts = parts.iter().map(|part| read(part, extra, (start, end)));
            Node::Any(parts.collect::<Option<_>>()?)
        }
    })
}

/// A character of a class: printable ones of ASCII where there are any, small letters and digits
/// where nearly everything is allowed.
fn one(all: Vec<char>) -> Option<Node> {
    let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let mut chars: Vec<char> = all.iter().copied().filter(printable).collect();
    if chars.len() > 70 {
        chars.retain(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    }
    if chars.is_empty() {
        let others = all.into_iter().filter(|c| *c != '\0');
        chars = others.take(FOREIGN).collect();
    }
    (!chars.is_empty()).then_some(Node::One(chars))
}

impl Node {
    fn longest(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::One(_) => 1,
            Self::All(parts) => parts
                .iter()
                .fold(0, |sum, part| sum.saturating_add(part.longest())),
            Self::Any(parts) => parts.iter().map(Self::longest).max().unwrap_or(0),
            Self::Repeat(inner, _, most) => inner.longest().saturating_mul(*most as usize),
        }
    }

    /// The length of all its strings, when they have one.
    fn length(&self) -> Option<usize> {
        match self {
            Self::Any(parts) => {
                let length = parts.first()?.length()?;
                let same = parts.iter().all(|part| part.length() == Some(length));
                same.then_some(length)
            }
            Self::All(parts) => parts.iter().map(Self::length).sum(),
            Self::Repeat(inner, least, most) => {
                let inner = inner.length()?;
                (least == most || inner == 0).then(|| inner * *least as usize)
            }
            other => Some(other.longest()),
        }
    }

    /// A part of its strings where each is made in one way only: of alternatives the largest, and
    /// in a sequence at most one part whose length varies.
    fn distinct(self) -> Self {
        match self {
            Self::All(parts) => {
                let mut varied = false;
                let parts = parts.into_iter().map(|part| {
                    let part = part.distinct();
                    if part.length().is_some() || !std::mem::replace(&mut varied, true) {
                        part
                    } else {
                        part.shortest()
                    }
                });
                Self::All(parts.collect())
            }
            Self::Any(parts) => {
                let texts = parts.iter().map(|part| match part {
                    Self::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                let texts: Option<std::collections::BTreeSet<&str>> = texts.collect();
                if texts.is_some_and(|texts| texts.len() == parts.len()) {
                    return Self::Any(parts);
                }
                let parts = parts.into_iter().map(Self::distinct);
                parts
                    .max_by_key(Self::size)
                    .unwrap_or(Self::Text(String::new()))
            }
            Self::Repeat(inner, least, most) => {
                let inner = inner.distinct();
                let inner = match inner.length() {
                    Some(_) => inner,
                    None => inner.shortest(),
                };
                // Repeating nothing gives the same string each time.
                let most = if inner.longest() == 0 { least } else { most };
                Self::Repeat(Box::new(inner), least, most)
            }
            other => other,
        }
    }

    /// Its strings with the fewest repetitions, all of one length.
    fn shortest(self) -> Self {
        match self {
            Self::All(parts) => Self::All(parts.into_iter().map(Self::shortest).collect()),
            Self::Any(parts) => {
                let parts = parts.into_iter().map(Self::shortest);
                parts
                    .min_by_key(Self::longest)
                    .unwrap_or(Self::Text(String::new()))
            }
            Self::Repeat(inner, least, _) => Self::Repeat(Box::new(inner.shortest()), least, least),
            other => other,
        }
    }

    /// How many strings it makes; at most `u64::MAX`.
    fn size(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::One(chars) => chars.len() as u64,
            Self::All(parts) => parts
                .iter()
                .fold(1, |product, part| product.saturating_mul(part.size())),
            Self::Any(parts) => parts
                .iter()
                .fold(0, |sum, part| sum.saturating_add(part.size())),
            Self::Repeat(inner, least, most) => {
                let size = inner.size();
                (*least..=*most).fold(0, |sum, count| {
                    sum.saturating_add(size.saturating_pow(count))
                })
            }
        }
    }

    fn draw(&self, stream: &mut Stream, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::One(chars) => out.extend(stream.pick(chars)),
            Self::All(parts) => parts.iter().for_each(|part| part.draw(stream, out)),
            Self::Any(parts) => {
                if let Some(part) = stream.pick(parts) {
                    part.draw(stream, out);
                }
            }
            Self::Repeat(inner, least, most) => {
                let count = stream.between(i64::from(*least), i64::from(*most));
                for _ in 0..count {
                    inner.draw(stream, out);
                }
            }
        }
    }

    /// The string number `index`, which is below the size.
    fn nth(&self, mut index: u64, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::One(chars) => out.extend(chars.get(index as usize)),
            Self::All(parts) => {
                for part in parts {
                    let size = part.size().max(1);
                    part.nth(index % size, out);
                    index /= size;
                }
            }
            Self::Any(parts) => {
                for part in parts {
                    let size = part.size();
                    if index < size {
                        return part.nth(index, out);
                    }
                    index -= size;
                }
            }
            Self::Repeat(inner, least, most) => {
                let one = inner.size().max(1);
                for count in *least..=*most {
                    let size = one.saturating_pow(count);
                    if index < size {
                        for _ in 0..count {
                            inner.nth(index % one, out);
                            index /= one;
                        }
                        return;
                    }
                    index -= size;
                }
            }
        }
    }
}

impl Make for Pattern {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let mut text = String::new();
        self.node.draw(stream, &mut text);
        Value::text(text)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let mut text = String::new();
        self.distinct.nth(self.order.at(index), &mut text);
        Value::text(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct NoRow;

    impl RowView for NoRow {
        fn number(&self) -> u64 {
            0
        }
        fn column(&self, _: usize) -> &Value {
            &Value::Null
        }
        fn parent(&self, _: usize, _: usize) -> Value {
            Value::Null
        }
    }

    #[test]
    fn strings_match_and_numbered_ones_differ() {
        let key = StreamKey::new(3, "t", "c");
        for (regex, fold) in [
            ("^[A-Z]{2}$", false),
            ("^[a-z]+(-[a-z]+)*$", false),
            (r"^[^@ ]+@[^@ ]+\.[^@ ]+$", false),
            ("^(?:a|ab|abc)x?$", false),
            ("(?s)^.*$", false),
            ("^a*a*b?b?$", false),
            ("^(red|green|blue)$", true),
            ("^(a|)(b|)$", false),
            ("^x$|^yy$", false),
            ("abc", true),
        ] {
            let make = pattern(regex, fold, key, &PgType::Text(Some(60))).expect(regex);
            let fold = if fold { "(?i)" } else { "" };
            let judge = regex::Regex::new(&format!("{fold}{regex}")).unwrap();
            let text = |value: Value| match value {
                Value::Text(text) => text.to_string(),
                other => panic!("{other:?}"),
            };
            for row in 0..200 {
                let drawn = text(make.draw(&mut key.row(row, 0), &NoRow));
                assert!(judge.is_match(&drawn), "{regex}: {drawn}");
                assert!(drawn.chars().count() <= 60, "{regex}: {drawn}");
            }
            let size = make.size().unwrap().min(500);
            let texts: HashSet<String> = (0..size).map(|n| text(make.nth(n, &NoRow))).collect();
            assert_eq!(texts.len() as u64, size, "{regex}");
            assert!(texts.iter().all(|text| judge.is_match(text)), "{regex}");
        }
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        let key = StreamKey::new(3, "t", "c");
        for (regex, kind) in [
            ("^[A-Z]{5}$", PgType::Text(Some(4))),
            (r"\bword\b", PgType::Text(None)),
            ("a^b", PgType::Text(None)),
            ("(", PgType::Text(None)),
            ("a", PgType::Int(4)),
        ] {
            assert!(pattern(regex, false, key, &kind).is_none(), "{regex}");
        }
    }
}
