//! What a condition says of single columns.

use super::expression::{Comparison, Expression, Function, Operator};
use crate::generate::fact::Says;
use crate::generate::value::Value;

impl Expression {
    /// What it says of single columns, nulls apart, and what is left to try: `None` when all is said.
    #[must_use]
    pub fn facts(&self) -> (Vec<(usize, Says)>, Option<Expression>) {
        let mut facts = Vec::new();
        let mut rest = Vec::new();
        for part in self.parts() {
            let (said, whole) = says(part);
            if !whole {
                rest.push(part.clone());
            }
            facts.extend(said);
        }
        let rest = (!rest.is_empty()).then_some(Self::And(rest));
        (facts, rest)
    }

    /// Columns of which the first is at most the second; `true` when it is less.
    #[must_use]
    pub fn orders(&self) -> Vec<(usize, usize, bool)> {
        let orders = self.parts().into_iter().filter_map(|part| {
            let Self::Compare(comparison, left, right) = part else {
                return None;
            };
            let (Self::Column(left), Self::Column(right)) = (&**left, &**right) else {
                return None;
            };
            match comparison {
                Comparison::Less => Some((*left, *right, true)),
                Comparison::AtMost => Some((*left, *right, false)),
                Comparison::Greater => Some((*right, *left, true)),
                Comparison::AtLeast => Some((*right, *left, false)),
                _ => None,
            }
        });
        orders.collect()
    }

    /// What is joined by AND at the top.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::And(parts) => parts.iter().flat_map(Self::parts).collect(),
            other => vec![other],
        }
    }
}

type Said = (Vec<(usize, Says)>, bool);

/// What a part without AND at its top says, and whether that is all.
fn says(part: &Expression) -> Said {
    let nothing = (Vec::new(), false);
    match part {
        Expression::Column(column) => one(*column, Says::OneOf(vec![Value::Bool(true)])),
        Expression::Not(inner) => match &**inner {
            Expression::Column(column) => one(*column, Says::OneOf(vec![Value::Bool(false)])),
            Expression::IsNull(of) => match &**of {
                Expression::Column(column) => one(*column, Says::NotNull),
                _ => nothing,
            },
            _ => nothing,
        },
        Expression::Is(inner, wanted) => match &**inner {
            Expression::Column(column) => {
                let values = Says::OneOf(vec![Value::Bool(*wanted)]);
                (vec![(*column, Says::NotNull), (*column, values)], true)
            }
            _ => nothing,
        },
        Expression::Matches(inner, pattern) => match &**inner {
            Expression::Column(column) => {
                one(*column, Says::Matches(pattern.regex.clone(), pattern.fold))
            }
            _ => nothing,
        },
        Expression::Among(comparison, left, items, every) => {
            if let (Some((column, upper)), Comparison::Equal, false) =
                (cased(left), comparison, every)
            {
                return of_case(column, upper, items);
            }
            let Expression::Column(column) = &**left else {
                return nothing;
            };
            let values = items.iter().map(|item| match item {
                Expression::Constant(value) if !value.is_null() => Some(value.clone()),
                _ => None,
            });
            match (comparison, every, values.collect::<Option<Vec<Value>>>()) {
                (Comparison::Equal, false, Some(values)) => one(*column, Says::OneOf(values)),
                (Comparison::NotEqual, true, Some(values)) => one(*column, Says::NoneOf(values)),
                _ => nothing,
            }
        }
        Expression::Compare(comparison, left, right) => match (&**left, &**right) {
            (Expression::Constant(value), other) => compared(comparison.turned(), other, value),
            (other, Expression::Constant(value)) => compared(*comparison, other, value),
            (Expression::Column(column), Expression::Call(function, of))
            | (Expression::Call(function, of), Expression::Column(column))
                if *comparison == Comparison::Equal && of[..] == [Expression::Column(*column)] =>
            {
                match function {
                    Function::Lower => one(*column, Says::Cased(false)),
                    Function::Upper => one(*column, Says::Cased(true)),
                    _ => nothing,
                }
            }
            _ => nothing,
        },
        Expression::Or(parts) => either(parts),
        _ => nothing,
    }
}

fn one(column: usize, says: Says) -> Said {
    (vec![(column, says)], true)
}

/// `other comparison value`
fn compared(comparison: Comparison, other: &Expression, value: &Value) -> Said {
    let nothing = (Vec::new(), false);
    if value.is_null() {
        return nothing;
    }
    match other {
        Expression::Column(column) => one(
            *column,
            match comparison {
                Comparison::Equal => Says::OneOf(vec![value.clone()]),
                Comparison::NotEqual => Says::NoneOf(vec![value.clone()]),
                Comparison::Less => Says::AtMost(value.clone(), false),
                Comparison::AtMost => Says::AtMost(value.clone(), true),
                Comparison::Greater => Says::AtLeast(value.clone(), false),
                Comparison::AtLeast => Says::AtLeast(value.clone(), true),
            },
        ),
        Expression::Call(Function::Lower | Function::Upper, _)
            if comparison == Comparison::Equal =>
        {
            match cased(other) {
                Some((column, upper)) => {
                    of_case(column, upper, &[Expression::Constant(value.clone())])
                }
                None => nothing,
            }
        }
        Expression::Arithmetic(Operator::Remainder, left, right) => match (&**left, &**right) {
            (Expression::Column(column), Expression::Constant(Value::Int(of)))
                if comparison == Comparison::Equal && *value == Value::Int(0) && *of != 0 =>
            {
                one(*column, Says::MultipleOf(*of))
            }
            _ => nothing,
        },
        Expression::Call(function, arguments) => length(comparison, (*function, arguments), value),
        _ => nothing,
    }
}

/// The column of `lower(x)` (`false`) or `upper(x)`.
fn cased(expression: &Expression) -> Option<(usize, bool)> {
    let Expression::Call(function @ (Function::Lower | Function::Upper), of) = expression else {
        return None;
    };
    match of[..] {
        [Expression::Column(column)] => Some((column, *function == Function::Upper)),
        _ => None,
    }
}

/// `lower(x)` is one of `items`: x is, as far as they are of that case themselves. Other spellings of
/// them are not drawn.
fn of_case(column: usize, upper: bool, items: &[Expression]) -> Said {
    let values = items.iter().map(|item| match item {
        Expression::Constant(Value::Text(text)) => Some(text),
        _ => None,
    });
    let Some(texts) = values.collect::<Option<Vec<_>>>() else {
        return (Vec::new(), false);
    };
    let same = texts.into_iter().filter(|text| match upper {
        true => text.to_uppercase() == ***text,
        false => text.to_lowercase() == ***text,
    });
    let values: Vec<Value> = same.map(|text| Value::Text(text.clone())).collect();
    match values.is_empty() {
        true => (Vec::new(), false),
        false => one(column, Says::OneOf(values)),
    }
}

/// Bounds of a length. A text is at least as long as what trimming leaves of it, and has at most as
/// many characters as bytes.
fn length(
    comparison: Comparison,
    (function, arguments): (Function, &[Expression]),
    value: &Value,
) -> Said {
    let nothing = (Vec::new(), false);
    let (Some(argument), Value::Int(bound)) = (arguments.first(), value) else {
        return nothing;
    };
    let (column, trimmed) = match argument {
        Expression::Column(column) => (*column, false),
        Expression::Call(Function::Trim, inner) => match inner.first() {
            Some(Expression::Column(column)) => (*column, true),
            _ => return nothing,
        },
        _ => return nothing,
    };
    let limit = |bound: i64| u32::try_from(bound.max(0)).unwrap_or(u32::MAX);
    let (min, max) = match comparison {
        Comparison::Equal => (limit(*bound), limit(*bound)),
        Comparison::Less => (0, limit(bound.saturating_sub(1))),
        Comparison::AtMost => (0, limit(*bound)),
        Comparison::Greater => (limit(bound.saturating_add(1)), u32::MAX),
        Comparison::AtLeast => (limit(*bound), u32::MAX),
        Comparison::NotEqual if *bound == 0 => (1, u32::MAX),
        Comparison::NotEqual => return nothing,
    };
    match function {
        Function::Length | Function::Cardinality if !trimmed => one(column, Says::Length(min, max)),
        Function::Length => (vec![(column, Says::Length(min, u32::MAX))], false),
        Function::Bytes if !trimmed => (vec![(column, Says::Length(0, max))], false),
        _ => nothing,
    }
}

/// `a = 1 OR a = 2`, and `a IS NULL OR ...` of the same column.
fn either(parts: &[Expression]) -> Said {
    let nothing = (Vec::new(), false);
    let mut values = Vec::new();
    let mut of = None;
    let mut others = Vec::new();
    for part in parts {
        if let Expression::IsNull(inner) = part
            && let Expression::Column(column) = &**inner
        {
            if of.is_some_and(|of| of != *column) {
                return nothing;
            }
            of = Some(*column);
            continue;
        }
        let (facts, rest) = part.facts();
        let Some((column, _)) = facts.first() else {
            return nothing;
        };
        let same = facts.iter().all(|(other, _)| other == column);
        if !same || rest.is_some() || of.is_some_and(|of| of != *column) {
            return nothing;
        }
        of = Some(*column);
        match &facts[..] {
            [(_, Says::OneOf(some))] => values.extend(some.iter().cloned()),
            _ => others.push(facts),
        }
    }
    match (of, others.len()) {
        (Some(column), 0) if !values.is_empty() => one(column, Says::OneOf(values)),
        // Nothing but null is allowed beside the one alternative.
        (Some(_), 1) if values.is_empty() => {
            let said: Vec<(usize, Says)> = others.into_iter().flatten().collect();
            if said.iter().any(|(_, says)| *says == Says::NotNull) {
                return nothing;
            }
            (said, true)
        }
        _ => nothing,
    }
}
