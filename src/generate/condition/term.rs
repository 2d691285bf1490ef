//! Parts of a condition with their types: what may be joined with what.

use super::expression::{Comparison, Expression, Function, Operator, Pattern};
use super::regex;
use crate::catalog::Catalog;
use crate::generate::parse::parse;
use crate::generate::pg_type::{ColumnType, PgType};
use crate::generate::value::Value;
use crate::sql::Decimal;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A part of a condition.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) expression: Expression,
    pub(super) kind: PgType,
    /// Whether it grows as time passes.
    pub(super) clock: bool,
    /// Whether it compares with the clock anywhere.
    timed: bool,
}

impl Term {
    pub(super) fn plain(expression: Expression, kind: PgType) -> Self {
        Self {
            expression,
            kind,
            clock: false,
            timed: false,
        }
    }

    /// A string whose type a cast gives.
    pub(super) fn literal(text: String) -> Self {
        let value = Expression::Constant(Value::text(text));
        Self::plain(value, PgType::Other("unknown".to_owned()))
    }

    /// The text of a string.
    fn text(&self) -> Option<&str> {
        match &self.expression {
            Expression::Constant(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether the clock has a part in it.
    pub(super) fn is_timed(&self) -> bool {
        self.clock || self.timed
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, PgType::Text(_) | PgType::Char(_))
    }

    /// Whether it is of the type of texts in which letter case means nothing.
    fn is_citext(&self) -> bool {
        matches!(&self.kind, PgType::Other(name) if name == "citext")
    }

    fn is_number(&self) -> bool {
        matches!(
            self.kind,
            PgType::Int(_) | PgType::Float(_) | PgType::Numeric(_)
        )
    }
}

pub(super) fn number(digits: &str) -> Option<Term> {
    let (value, kind) = match digits.parse::<i64>() {
        Ok(whole) => {
            let width = if i32::try_from(whole).is_ok() { 4 } else { 8 };
            (Value::Int(whole), PgType::Int(width))
        }
        Err(_) => (
            Value::Decimal(Decimal::parse(digits)?),
            PgType::Numeric(None),
        ),
    };
    Some(Term::plain(Expression::Constant(value), kind))
}

pub(super) fn negative(term: Term) -> Option<Term> {
    let value = match term.expression {
        Expression::Constant(Value::Int(value)) => Value::Int(value.checked_neg()?),
        Expression::Constant(Value::Float(value)) => Value::Float(-value),
        Expression::Constant(Value::Decimal(mut value)) => {
            value.unscaled = value.unscaled.checked_neg()?;
            Value::Decimal(value)
        }
        _ => return None,
    };
    Some(Term::plain(Expression::Constant(value), term.kind))
}

pub(super) fn not(term: Term) -> Option<Term> {
    if term.kind != PgType::Bool {
        return None;
    }
    // A condition on the clock that goes on to hold may cease to when it is turned round.
    if term.timed {
        return None;
    }
    let inner = Box::new(term.expression);
    Some(Term::plain(Expression::Not(inner), PgType::Bool))
}

/// `CASE`, whose values are all of one type; one branch at least.
pub(super) fn case(branches: Vec<(Term, Term)>, otherwise: Term) -> Option<Term> {
    let kind = otherwise.kind.clone();
    let fits = |(condition, value): &(Term, Term)| {
        condition.kind == PgType::Bool
            && value.kind == kind
            && !condition.is_timed()
            && !value.is_timed()
    };
    if branches.is_empty() || otherwise.is_timed() || !branches.iter().all(fits) {
        return None;
    }
    let branches = branches
        .into_iter()
        .map(|(c, v)| (c.expression, v.expression));
    let made = Expression::Case(branches.collect(), Box::new(otherwise.expression));
    Some(Term::plain(made, kind))
}

pub(super) fn join(left: Term, right: Term, by: fn(Vec<Expression>) -> Expression) -> Option<Term> {
    if left.kind != PgType::Bool || right.kind != PgType::Bool {
        return None;
    }
    let timed = left.timed || right.timed;
    let joined = by(vec![left.expression, right.expression]);
    Some(Term {
        timed,
        ..Term::plain(joined, PgType::Bool)
    })
}

/// Whether both sides compare here as in PostgreSQL. Texts have no order here, because that is
/// their collation's.
pub(super) fn comparable(comparison: Comparison, left: &Term, right: &Term) -> bool {
    let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let user_literal = |kind: &PgType| matches!(kind, PgType::Other(name) if name != "unknown");
    match (&left.kind, &right.kind) {
        _ if left.is_number() && right.is_number() => true,
        _ if left.is_text() && right.is_text() => equality,
        (PgType::Enum(labels), other) if user_literal(other) => {
            equality
                && right
                    .text()
                    .is_some_and(|text| labels.iter().any(|l| l == text))
        }
        (PgType::Date | PgType::Timestamp(false), PgType::Date | PgType::Timestamp(false)) => true,
        (PgType::Timestamp(true), PgType::Timestamp(true))
        | (PgType::Time(false), PgType::Time(false))
        | (PgType::Uuid, PgType::Uuid)
        | (PgType::Bool, PgType::Bool) => true,
        _ => false,
    }
}

pub(super) fn compare(comparison: Comparison, left: Term, right: Term) -> Option<Term> {
    if !comparable(comparison, &left, &right) {
        return None;
    }
    let holds_later = match comparison {
        Comparison::Less | Comparison::AtMost => !left.clock,
        Comparison::Greater | Comparison::AtLeast => !right.clock,
        _ => !left.clock && !right.clock,
    };
    if !holds_later || left.clock && right.clock {
        return None;
    }
    if left.timed || right.timed {
        return None;
    }
    let timed = left.clock || right.clock;
    let (left, right) = (Box::new(left.expression), Box::new(right.expression));
    let compared = Expression::Compare(comparison, left, right);
    Some(Term {
        timed,
        ..Term::plain(compared, PgType::Bool)
    })
}

pub(super) fn among(
    comparison: Comparison,
    left: Term,
    items: Vec<Term>,
    every: bool,
) -> Option<Term> {
    let fits = |item: &Term| !item.is_timed() && comparable(comparison, &left, item);
    if left.is_timed() || !items.iter().all(fits) {
        return None;
    }
    let items = items.into_iter().map(|item| item.expression).collect();
    let among = Expression::Among(comparison, Box::new(left.expression), items, every);
    Some(Term::plain(among, PgType::Bool))
}

pub(super) fn arithmetic(operator: Operator, left: Term, right: Term) -> Option<Term> {
    let whole = |term: &Term| matches!(term.kind, PgType::Int(_));
    let kind = match (&left.kind, &right.kind) {
        (PgType::Int(left), PgType::Int(right)) => PgType::Int(*left.max(right)),
        // A whole number that was cast is still one here, and would be divided as one.
        _ if operator == Operator::Divide => return None,
        _ if left.is_number() && right.is_number() => {
            let float = |term: &Term| matches!(term.kind, PgType::Float(_));
            if float(&left) || float(&right) {
                PgType::Float(8)
            } else {
                PgType::Numeric(None)
            }
        }
        (PgType::Date, PgType::Int(_))
            if matches!(operator, Operator::Add | Operator::Subtract) =>
        {
            PgType::Date
        }
        (PgType::Date, PgType::Date) if operator == Operator::Subtract => PgType::Int(4),
        _ => return None,
    };
    let grows = matches!(operator, Operator::Add | Operator::Subtract);
    if right.clock || left.clock && !grows || !whole(&left) && operator == Operator::Remainder {
        return None;
    }
    let clock = left.clock;
    let (left, right) = (Box::new(left.expression), Box::new(right.expression));
    let made = Expression::Arithmetic(operator, left, right);
    let fits = match kind {
        // What is left of a division fits where what was divided did.
        _ if matches!(operator, Operator::Divide | Operator::Remainder) => None,
        PgType::Int(2) => Some(Function::Int2),
        PgType::Int(4) => Some(Function::Int4),
        _ => None,
    };
    Some(Term {
        expression: match fits {
            Some(fits) => Expression::Call(fits, vec![made]),
            None => made,
        },
        kind,
        clock,
        timed: false,
    })
}

pub(super) fn concat(left: Term, right: Term) -> Option<Term> {
    if !matches!(left.kind, PgType::Text(_)) || !matches!(right.kind, PgType::Text(_)) {
        return None;
    }
    let parts = vec![left.expression, right.expression];
    Some(Term::plain(
        Expression::Call(Function::Concat, parts),
        PgType::Text(None),
    ))
}

/// An operator of the type without letter case, as it is written out of the search path.
pub(super) fn of_citext(sign: &str, left: Term, right: Term) -> Option<Term> {
    let both = left.is_citext() && right.is_citext();
    both.then(|| matches(sign, left, right)).flatten()
}

/// `~` and its relatives.
pub(super) fn matches(sign: &str, left: Term, right: Term) -> Option<Term> {
    let (negated, sign) = match sign.strip_prefix('!') {
        Some(sign) => (true, sign),
        None => (false, sign),
    };
    let (like, fold) = match sign {
        "~" => (false, false),
        "~*" => (false, true),
        "~~" => (true, false),
        "~~*" => (true, true),
        _ => return None,
    };
    let fold = if left.is_citext() && right.is_citext() {
        true
    } else if left.is_text() && right.is_text() {
        fold
    } else {
        return None;
    };
    let text = right.text()?;
    let converted = if like {
        regex::like(text)?
    } else {
        regex::convert(text)?
    };
    let pattern = Pattern::new(converted, fold)?;
    let matched = Expression::Matches(Box::new(left.expression), pattern);
    let term = Term::plain(matched, PgType::Bool);
    if negated { not(term) } else { Some(term) }
}

/// A cast that leaves the value as it is, or makes a constant of its type.
pub(super) fn cast(term: Term, name: &str) -> Option<Term> {
    let kind = match name {
        "bpchar" => PgType::Text(None),
        name if name == "citext" || name.ends_with(".citext") => {
            if term.is_citext() {
                return Some(term);
            }
            // Of a text it is only the literals that are read.
            term.text()?;
            PgType::Other("citext".to_owned())
        }
        name => ColumnType::of(&Catalog::default(), name).base,
    };
    if let Expression::Constant(value) = &term.expression {
        let made = constant(&term, value, &kind, name)?;
        return Some(Term::plain(Expression::Constant(made), kind));
    }
    let same = match (&term.kind, &kind) {
        (PgType::Other(_), PgType::Text(None)) => term.is_citext(),
        (PgType::Text(_) | PgType::Char(_) | PgType::Enum(_), PgType::Text(None)) => true,
        (PgType::Int(from), PgType::Int(to)) => from <= to,
        (PgType::Int(_), PgType::Numeric(None) | PgType::Float(8)) => true,
        (PgType::Float(from), PgType::Float(to)) => from <= to,
        (PgType::Numeric(_), PgType::Numeric(None)) => true,
        (PgType::Date, PgType::Timestamp(false)) => true,
        (from, to) => from == to && !matches!(to, PgType::Other(_)),
    };
    same.then_some(Term { kind, ..term })
}

fn constant(term: &Term, value: &Value, kind: &PgType, name: &str) -> Option<Value> {
    match (value, kind) {
        (Value::Int(value), PgType::Int(_)) => Some(Value::Int(*value)),
        (Value::Int(value), PgType::Numeric(None)) => Some(Value::Decimal(Decimal {
            unscaled: i128::from(*value),
            scale: 0,
        })),
        (Value::Int(_) | Value::Decimal(_), PgType::Float(_)) => value.number().map(Value::Float),
        (Value::Decimal(value), PgType::Numeric(None)) => Some(Value::Decimal(*value)),
        (Value::Text(text), kind) if name == "bpchar" && *kind == PgType::Text(None) => {
            Some(Value::text(text.trim_end_matches(' ').to_owned()))
        }
        // Of a type that is the user's: it must be a label of the enum it is compared with.
        (Value::Text(text), PgType::Other(_)) => Some(Value::text(text.to_string())),
        (
            Value::Text(text),
            PgType::Bool
            | PgType::Int(_)
            | PgType::Float(_)
            | PgType::Numeric(None)
            | PgType::Text(_)
            | PgType::Char(_)
            | PgType::Date
            | PgType::Time(false)
            | PgType::Timestamp(_)
            | PgType::Uuid,
        ) => {
            let unknown = term.text().is_some();
            unknown.then(|| parse(text, kind))?
        }
        _ => None,
    }
}

/// The clock as a constant, early enough for every time zone.
pub(super) fn clock(name: &str, today: i64) -> Option<Term> {
    let (value, kind) = match name {
        "CURRENT_DATE" => {
            let day = i32::try_from(today.div_euclid(DAY) - 1).ok()?;
            (Value::Date(day), PgType::Date)
        }
        "LOCALTIMESTAMP" => (Value::Timestamp(today - DAY), PgType::Timestamp(false)),
        _ => (Value::Timestamp(today), PgType::Timestamp(true)),
    };
    Some(Term {
        expression: Expression::Constant(value),
        kind,
        clock: true,
        timed: false,
    })
}

/// `starts_with(a, 'x')`, and the expression that the pattern of `SIMILAR TO` stands for.
fn of_pattern(name: &str, mut arguments: Vec<Term>) -> Option<Term> {
    let pattern = arguments.pop()?;
    let text = pattern.text().filter(|_| pattern.is_text())?;
    match (name, arguments.pop()) {
        ("starts_with", Some(of)) if of.is_text() && arguments.is_empty() => {
            let pattern = Pattern::new(format!("(?s)^{}", ::regex::escape(text)), false)?;
            let matched = Expression::Matches(Box::new(of.expression), pattern);
            Some(Term::plain(matched, PgType::Bool))
        }
        ("similar_to_escape", None) => {
            let text = regex::similar(text)?;
            Some(Term::plain(
                Expression::Constant(Value::text(text)),
                PgType::Text(None),
            ))
        }
        _ => None,
    }
}

pub(super) fn call(name: &str, mut arguments: Vec<Term>, today: i64) -> Option<Term> {
    if matches!(name, "now" | "transaction_timestamp") && arguments.is_empty() {
        return clock("CURRENT_TIMESTAMP", today);
    }
    if arguments.iter().any(Term::is_timed) {
        return None;
    }
    if matches!(name, "extract" | "date_part") {
        let [field, of] = &arguments[..] else {
            return None;
        };
        let function = match field.text()? {
            "year" => Function::Year,
            "month" => Function::Month,
            _ => return None,
        };
        if !matches!(of.kind, PgType::Date | PgType::Timestamp(false)) {
            return None;
        }
        let arguments = vec![arguments.pop()?.expression];
        return Some(Term::plain(
            Expression::Call(function, arguments),
            PgType::Numeric(None),
        ));
    }
    if let "starts_with" | "similar_to_escape" = name {
        return of_pattern(name, arguments);
    }
    let first = arguments.first()?;
    let text = matches!(first.kind, PgType::Text(_));
    let alone = arguments.len() == 1;
    let (function, kind) = match name {
        "length" | "char_length" | "character_length" if text && alone => {
            (Function::Length, PgType::Int(4))
        }
        "length" | "octet_length" if first.kind == PgType::Bytes && alone => {
            (Function::Length, PgType::Int(4))
        }
        "octet_length" if text && alone => (Function::Bytes, PgType::Int(4)),
        "lower" if text && alone => (Function::Lower, PgType::Text(None)),
        "upper" if text && alone => (Function::Upper, PgType::Text(None)),
        "btrim" if text && alone => (Function::Trim, PgType::Text(None)),
        "abs" if first.is_number() && alone => (Function::Abs, first.kind.clone()),
        "cardinality" if alone && matches!(first.kind, PgType::Array(..)) => {
            (Function::Cardinality, PgType::Int(4))
        }
        "array_length" if arguments.len() == 2 && matches!(first.kind, PgType::Array(..)) => {
            if arguments[1].expression != Expression::Constant(Value::Int(1)) {
                return None;
            }
            arguments.truncate(1);
            (Function::ArrayLength, PgType::Int(4))
        }
        "num_nonnulls" => (Function::NonNulls, PgType::Int(4)),
        "num_nulls" => (Function::Nulls, PgType::Int(4)),
        "coalesce" => {
            if !arguments
                .iter()
                .all(|a| comparable(Comparison::Equal, first, a))
            {
                return None;
            }
            (Function::Coalesce, first.kind.clone())
        }
        _ => return None,
    };
    let arguments = arguments.into_iter().map(|a| a.expression).collect();
    Some(Term::plain(Expression::Call(function, arguments), kind))
}
