//! The reader of conditions as `pg_get_constraintdef` prints them.
//!
//! A parser of its own for the printed subset: the server prints types with their constants and
//! brackets around nearly everything, so what a term means is known without a catalog. A parser of
//! the whole language would give a larger tree, with nothing more that can be evaluated here.

use super::expression::{Comparison, Expression, Operator};
use super::term::{self, Term};
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;
use crate::sql::{Token, tokens};

/// Nesting of brackets that is read; the catalog's texts have a few.
const DEPTH: usize = 64;

/// How columns are found: the place in the plan and the type of a name; `VALUE` in a domain's
/// condition.
pub(in crate::generate) type Resolve<'a> = &'a dyn Fn(&str) -> Option<(usize, PgType)>;

/// Reads a condition; `None` when anything in it is not understood, or would not mean the same here
/// as in PostgreSQL. `today` is now, in microseconds since 2000-01-01: a condition with `now()` is
/// understood only when it stays true as time passes.
#[must_use]
pub(in crate::generate) fn read(
    text: &str,
    resolve: Resolve<'_>,
    today: i64,
) -> Option<Expression> {
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().map(|(token, _)| token).collect(),
        at: 0,
        depth: 0,
        resolve,
        today,
    };
    let term = reader.expression(0)?;
    let whole = reader.at == reader.tokens.len() && term.kind == PgType::Bool && !term.clock;
    whole.then_some(term.expression)
}

pub(super) struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    resolve: Resolve<'a>,
    pub(super) today: i64,
}

impl Reader<'_> {
    pub(super) fn sign(&mut self, sign: &str) -> Option<()> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(found)) if found == sign => self.at += 1,
            _ => return None,
        }
        Some(())
    }

    /// Takes an unquoted word, whatever its case.
    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        match self.tokens.get(self.at) {
            Some(Token::Word(found, false)) if found.eq_ignore_ascii_case(word) => self.at += 1,
            _ => return None,
        }
        Some(())
    }

    fn words(&mut self, words: &[&str]) -> Option<()> {
        let start = self.at;
        for word in words {
            if self.word(word).is_none() {
                self.at = start;
                return None;
            }
        }
        Some(())
    }

    /// Operator precedence parsing: binds at least as strongly as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Option<Term> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut left = if least <= 3 && self.word("NOT").is_some() {
            term::not(self.expression(3)?)?
        } else {
            self.operand()?
        };
        while let Some(next) = self.infix(left.clone(), least)? {
            left = next;
        }
        self.depth -= 1;
        Some(left)
    }

    /// What follows `left`; `Some(None)` when nothing does that binds strongly enough.
    fn infix(&mut self, left: Term, least: u8) -> Option<Option<Term>> {
        if least <= 1 && self.word("OR").is_some() {
            let right = self.expression(2)?;
            return term::join(left, right, Expression::Or).map(Some);
        }
        if least <= 2 && self.word("AND").is_some() {
            let right = self.expression(3)?;
            return term::join(left, right, Expression::And).map(Some);
        }
        if least <= 4 && self.word("IS").is_some() {
            return self.is(left).map(Some);
        }
        if least <= 6 && self.word("OPERATOR").is_some() {
            let sign = self.operator()?;
            let right = self.expression(7)?;
            return term::of_citext(&sign, left, right).map(Some);
        }
        let Some(Token::Sign(sign)) = self.tokens.get(self.at).cloned() else {
            return Some(None);
        };
        let strength = match sign.as_str() {
            "=" | "<>" | "<" | "<=" | ">" | ">=" => 5,
            "+" | "-" => 7,
            "*" | "/" | "%" => 8,
            ")" | "]" | "," => return Some(None),
            _ => 6,
        };
        if strength < least {
            return Some(None);
        }
        self.at += 1;
        if strength == 5 {
            return self.compare(left, &sign).map(Some);
        }
        let right = self.expression(strength + 1)?;
        let made = match sign.as_str() {
            "+" => term::arithmetic(Operator::Add, left, right),
            "-" => term::arithmetic(Operator::Subtract, left, right),
            "*" => term::arithmetic(Operator::Multiply, left, right),
            "/" => term::arithmetic(Operator::Divide, left, right),
            "%" => term::arithmetic(Operator::Remainder, left, right),
            "||" => term::concat(left, right),
            sign => term::matches(sign, left, right),
        };
        made.map(Some)
    }

    /// What follows `OPERATOR`: `(schema.~)`.
    fn operator(&mut self) -> Option<String> {
        self.sign("(")?;
        let Some(Token::Word(..)) = self.tokens.get(self.at) else {
            return None;
        };
        self.at += 1;
        self.sign(".")?;
        let Some(Token::Sign(sign)) = self.tokens.get(self.at).cloned() else {
            return None;
        };
        self.at += 1;
        self.sign(")")?;
        Some(sign)
    }

    fn is(&mut self, left: Term) -> Option<Term> {
        let negated = self.word("NOT").is_some();
        let found = if self.word("NULL").is_some() {
            if left.is_timed() {
                return None;
            }
            Expression::IsNull(Box::new(left.expression))
        } else if self.words(&["DISTINCT", "FROM"]).is_some() {
            let right = self.expression(5)?;
            if left.is_timed()
                || right.is_timed()
                || !term::comparable(Comparison::Equal, &left, &right)
            {
                return None;
            }
            Expression::Distinct(Box::new(left.expression), Box::new(right.expression))
        } else {
            let wanted = self.word("TRUE").is_some();
            if !wanted {
                self.word("FALSE")?;
            }
            if left.kind != PgType::Bool || left.is_timed() {
                return None;
            }
            Expression::Is(Box::new(left.expression), wanted)
        };
        let truth = Term::plain(found, PgType::Bool);
        if negated {
            term::not(truth)
        } else {
            Some(truth)
        }
    }

    fn compare(&mut self, left: Term, sign: &str) -> Option<Term> {
        let comparison = match sign {
            "=" => Comparison::Equal,
            "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            _ => Comparison::AtLeast,
        };
        let any = self.word("ANY").is_some();
        if any || self.word("ALL").is_some() {
            self.sign("(")?;
            let items = self.items(0)?;
            self.sign(")")?;
            return term::among(comparison, left, items, !any);
        }
        let right = self.expression(6)?;
        term::compare(comparison, left, right)
    }

    /// The elements of `ARRAY[...]`, perhaps in brackets and with a cast, or of `'{...}'::type[]`.
    fn items(&mut self, depth: usize) -> Option<Vec<Term>> {
        if depth > 4 {
            return None;
        }
        let mut items = Vec::new();
        if self.sign("(").is_some() {
            items = self.items(depth + 1)?;
            self.sign(")")?;
        } else if self.word("ARRAY").is_some() {
            self.sign("[")?;
            loop {
                items.push(self.expression(0)?);
                if self.sign("]").is_some() {
                    break;
                }
                self.sign(",")?;
            }
        } else {
            let Some(Token::Text(text)) = self.tokens.get(self.at).cloned() else {
                return None;
            };
            self.at += 1;
            let inner = text.strip_prefix('{')?.strip_suffix('}')?;
            if inner.is_empty() || inner.contains(['"', '\\', '{', '}']) {
                return None;
            }
            items = inner
                .split(',')
                .map(|item| Term::literal(item.to_owned()))
                .collect();
        }
        while self.sign("::").is_some() {
            let name = self.type_name()?;
            let element = name.strip_suffix("[]")?.to_owned();
            items = items
                .into_iter()
                .map(|item| term::cast(item, &element))
                .collect::<Option<_>>()?;
        }
        Some(items)
    }

    /// An operand with its casts.
    fn operand(&mut self) -> Option<Term> {
        let mut found = self.primary()?;
        while self.sign("::").is_some() {
            let name = self.type_name()?;
            found = term::cast(found, &name)?;
        }
        Some(found)
    }

    fn primary(&mut self) -> Option<Term> {
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        match token {
            Token::Sign(sign) if sign == "(" => {
                let inner = self.expression(0)?;
                self.sign(")")?;
                Some(inner)
            }
            Token::Sign(sign) if sign == "-" => term::negative(self.operand()?),
            Token::Sign(_) => None,
            Token::Number(digits) => term::number(&digits),
            Token::Text(text) => Some(Term::literal(text)),
            Token::Word(word, true) => self.column(&word),
            Token::Word(word, false) => {
                if self.sign("(").is_some() {
                    return self.call(&word.to_ascii_lowercase());
                }
                match word.as_str() {
                    "true" | "false" => {
                        let value = Value::Bool(word == "true");
                        Some(Term::plain(Expression::Constant(value), PgType::Bool))
                    }
                    "CURRENT_DATE" | "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" => {
                        term::clock(&word, self.today)
                    }
                    "CASE" => self.case(),
                    "NULL" | "ARRAY" | "ROW" | "NOT" => None,
                    _ => self.column(&word),
                }
            }
        }
    }

    /// What follows `CASE`: `WHEN condition THEN value ... ELSE value END`, or with an operand in front
    /// that each branch is compared with.
    fn case(&mut self) -> Option<Term> {
        let mut branches = Vec::new();
        let searched = matches!(self.tokens.get(self.at), Some(token) if token.is_word("WHEN"));
        let operand = if searched {
            None
        } else {
            Some(self.expression(0)?)
        };
        while self.word("WHEN").is_some() {
            let condition = self.expression(0)?;
            let condition = match &operand {
                Some(operand) => term::compare(Comparison::Equal, operand.clone(), condition)?,
                None => condition,
            };
            self.word("THEN")?;
            branches.push((condition, self.expression(0)?));
        }
        self.word("ELSE")?;
        let otherwise = if self.word("NULL").is_some() {
            while self.sign("::").is_some() {
                self.type_name()?;
            }
            let kind = branches.first()?.1.kind.clone();
            Term::plain(Expression::Constant(Value::Null), kind)
        } else {
            self.expression(0)?
        };
        self.word("END")?;
        term::case(branches, otherwise)
    }

    fn column(&mut self, name: &str) -> Option<Term> {
        let (column, kind) = (self.resolve)(name)?;
        Some(Term::plain(Expression::Column(column), kind))
    }

    /// A function's arguments after the bracket, and what it gives.
    fn call(&mut self, name: &str) -> Option<Term> {
        let mut arguments = Vec::new();
        if name == "extract" {
            let Some(Token::Word(field, _)) = self.tokens.get(self.at).cloned() else {
                return None;
            };
            self.at += 1;
            self.word("FROM")?;
            arguments.push(Term::literal(field.to_ascii_lowercase()));
        }
        if self.sign(")").is_none() {
            loop {
                arguments.push(self.expression(0)?);
                if self.sign(")").is_some() {
                    break;
                }
                self.sign(",")?;
            }
        }
        term::call(name, arguments, self.today)
    }

    /// A type's name as `format_type` prints it, with its modifiers.
    fn type_name(&mut self) -> Option<String> {
        let Some(Token::Word(mut name, _)) = self.tokens.get(self.at).cloned() else {
            return None;
        };
        self.at += 1;
        if self.sign(".").is_some() {
            let Some(Token::Word(own, _)) = self.tokens.get(self.at).cloned() else {
                return None;
            };
            self.at += 1;
            name = format!("{name}.{own}");
        }
        let after: &[&str] = match name.as_str() {
            "character" | "bit" => &["varying"],
            "double" => &["precision"],
            _ => &[],
        };
        if !after.is_empty() && self.words(after).is_some() {
            name = format!("{name} {}", after[0]);
        }
        if self.sign("(").is_some() {
            let mut modifiers = Vec::new();
            while let Some(Token::Number(digits)) = self.tokens.get(self.at).cloned() {
                self.at += 1;
                modifiers.push(digits);
                let _ = self.sign(",");
            }
            self.sign(")")?;
            name = format!("{name}({})", modifiers.join(","));
        }
        for zone in ["without", "with"] {
            if self.words(&[zone, "time", "zone"]).is_some() {
                name = format!("{name} {zone} time zone");
            }
        }
        if self.sign("[").is_some() {
            self.sign("]")?;
            name.push_str("[]");
        }
        Some(name)
    }
}
