//! From the catalog's text to an [`Expression`].

use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode};

use super::constant::{cast, quoted};
use super::expression::{Comparison, Expression, Function, Operator, Pattern};
use super::regular;
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;

/// A condition that cannot be evaluated without the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood {
    /// The part of the text, or the construct.
    pub what: String,
}

type Read<T> = std::result::Result<T, NotUnderstood>;

fn refuse<T>(what: impl Into<String>) -> Read<T> {
    Err(NotUnderstood { what: what.into() })
}

/// Reads a CHECK as `pg_get_constraintdef` and `pg_get_expr` print it. `columns` gives the place and
/// the type of a column by its name; a domain's check has the one column `VALUE`.
///
/// # Errors
/// [`NotUnderstood`]: a function of the user, a subquery, the clock (see [`read_at`]), texts compared
/// for their order, which depends on a collation.
pub fn read(text: &str, columns: &dyn Fn(&str) -> Option<(usize, PgType)>) -> Read<Expression> {
    Reader { columns, now: None }.text(text)
}

/// The same, where `now()` and `CURRENT_DATE` are the moment `now`: microseconds since 2000-01-01, UTC.
///
/// # Errors
/// See [`read`].
pub fn read_at(
    text: &str,
    columns: &dyn Fn(&str) -> Option<(usize, PgType)>,
    now: i64,
) -> Read<Expression> {
    Reader {
        columns,
        now: Some(now),
    }
    .text(text)
}

struct Reader<'a> {
    columns: &'a dyn Fn(&str) -> Option<(usize, PgType)>,
    now: Option<i64>,
}

impl Reader<'_> {
    fn text(&self, text: &str) -> Read<Expression> {
        let text = text.trim();
        let bare = text.strip_prefix("CHECK ").unwrap_or(text);
        let bare = ["NOT VALID", "NO INHERIT"].iter().fold(bare, |bare, word| {
            bare.trim_end().strip_suffix(word).unwrap_or(bare)
        });
        let parse = SourceFile::parse(&format!("select {bare}"));
        if !parse.errors().is_empty() {
            return refuse(bare);
        }
        let mut found = parse
            .tree()
            .syntax()
            .descendants()
            .filter_map(ast::Target::cast);
        match (found.next().and_then(|target| child(&target)), found.next()) {
            (Some(expression), None) => self.expression(&expression),
            _ => refuse(bare),
        }
    }

    fn expression(&self, expression: &ast::Expr) -> Read<Expression> {
        let what = || NotUnderstood {
            what: expression.syntax().text().to_string(),
        };
        match expression {
            ast::Expr::ParenExpr(inner) => self.expression(&inner.expr().ok_or_else(what)?),
            ast::Expr::Collate(inner) => self.expression(&inner.expr().ok_or_else(what)?),
            ast::Expr::NameRef(name) => self.name(&name.syntax().text().to_string()),
            ast::Expr::Literal(_) => literal(&what().what),
            ast::Expr::CastExpr(inner) => {
                let operand = self.expression(&inner.expr().ok_or_else(what)?)?;
                let kind = inner.ty().ok_or_else(what)?.syntax().text().to_string();
                cast(operand, &kind).ok_or_else(what)
            }
            ast::Expr::PrefixExpr(inner) => {
                let operand = self.expression(&child(inner).ok_or_else(what)?)?;
                match inner.op() {
                    Some(ast::PrefixOp::Not(_)) => Ok(Expression::Not(Box::new(operand))),
                    Some(ast::PrefixOp::Minus(_)) => Ok(Expression::Arithmetic(
                        Operator::Subtract,
                        Box::new(Expression::Constant(Value::Int(0))),
                        Box::new(operand),
                    )),
                    _ => Err(what()),
                }
            }
            ast::Expr::BinExpr(inner) => self.binary(inner),
            ast::Expr::CaseExpr(inner) => self.case(inner),
            ast::Expr::CallExpr(inner) => self.call(inner),
            _ => Err(what()),
        }
    }

    fn name(&self, written: &str) -> Read<Expression> {
        let now = self.now.ok_or_else(|| NotUnderstood {
            what: written.to_owned(),
        });
        match written {
            "CURRENT_DATE" => date_of(now?),
            "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" => {
                Ok(Expression::Constant(Value::Timestamp(now?)))
            }
            _ => {
                let name = match written.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
                    Some(quoted) => quoted.replace("\"\"", "\""),
                    None => written.to_owned(),
                };
                match (self.columns)(&name) {
                    Some((column, _)) => Ok(Expression::Column(column)),
                    None => refuse(written),
                }
            }
        }
    }

    fn binary(&self, node: &ast::BinExpr) -> Read<Expression> {
        let what = || NotUnderstood {
            what: node.syntax().text().to_string(),
        };
        let (left, right) = (node.lhs().ok_or_else(what)?, node.rhs().ok_or_else(what)?);
        let (start, end) = (
            left.syntax().text_range().end(),
            right.syntax().text_range().start(),
        );
        let base = node.syntax().text_range().start();
        let text = what().what;
        let sign = text
            .get(usize::from(start - base)..usize::from(end - base))
            .ok_or_else(what)?
            .trim()
            .to_ascii_uppercase();
        let read = self.expression(&left)?;
        if let Some(comparison) = comparison(&sign) {
            if let ast::Expr::CallExpr(call) = &right
                && (call.any_fn().is_some() || call.all_fn().is_some())
            {
                return self.among(comparison, read, call);
            }
            if comparison != Comparison::Equal && comparison != Comparison::NotEqual {
                self.ordered(&left)?;
                self.ordered(&right)?;
            }
            return Ok(Expression::Compare(
                comparison,
                Box::new(read),
                Box::new(self.expression(&right)?),
            ));
        }
        let (read, other) = (Box::new(read), self.expression(&right)?);
        Ok(match sign.as_str() {
            "AND" => Expression::And(vec![*read, other]),
            "OR" => Expression::Or(vec![*read, other]),
            "+" => Expression::Arithmetic(Operator::Add, read, Box::new(other)),
            "-" => Expression::Arithmetic(Operator::Subtract, read, Box::new(other)),
            "*" => Expression::Arithmetic(Operator::Multiply, read, Box::new(other)),
            "/" => Expression::Arithmetic(Operator::Divide, read, Box::new(other)),
            "%" => Expression::Arithmetic(Operator::Remainder, read, Box::new(other)),
            "||" => Expression::Call(Function::Concat, vec![*read, other]),
            "IS DISTINCT FROM" => Expression::Distinct(read, Box::new(other)),
            "IS NOT DISTINCT FROM" => {
                Expression::Not(Box::new(Expression::Distinct(read, Box::new(other))))
            }
            "IS" | "IS NOT" => {
                let is = match other {
                    Expression::Constant(Value::Null) => Expression::IsNull(read),
                    Expression::Constant(Value::Bool(wanted)) => Expression::Is(read, wanted),
                    _ => return Err(what()),
                };
                if sign == "IS" {
                    is
                } else {
                    Expression::Not(Box::new(is))
                }
            }
            _ => return matches(&sign, read, &other).ok_or_else(what)?,
        })
    }

    /// Refuses what has an order of its own: texts (the collation's), enums (that of their labels),
    /// and types without a form here.
    fn ordered(&self, side: &ast::Expr) -> Read<()> {
        let text = side.syntax().text().to_string();
        let name = text.trim_matches(['(', ')', '"']).to_owned();
        let free = match self.expression(side)? {
            Expression::Constant(Value::Text(_)) => false,
            Expression::Call(function, _) => !matches!(
                function,
                Function::Lower | Function::Upper | Function::Trim | Function::Concat
            ),
            Expression::Column(column) => {
                match (self.columns)(name.split(')').next().unwrap_or(&name)) {
                    Some((same, kind)) if same == column => matches!(
                        kind,
                        PgType::Bool
                            | PgType::Int(_)
                            | PgType::Float(_)
                            | PgType::Numeric(_)
                            | PgType::Money
                            | PgType::Bytes
                            | PgType::Date
                            | PgType::Time(_)
                            | PgType::Timestamp(_)
                            | PgType::Interval
                            | PgType::Uuid
                    ),
                    _ => false,
                }
            }
            _ => true,
        };
        if free {
            Ok(())
        } else {
            refuse(format!("the order of {text}"))
        }
    }

    fn among(
        &self,
        comparison: Comparison,
        left: Expression,
        call: &ast::CallExpr,
    ) -> Read<Expression> {
        let what = || NotUnderstood {
            what: call.syntax().text().to_string(),
        };
        if comparison != Comparison::Equal && comparison != Comparison::NotEqual {
            return Err(what());
        }
        let every = call.all_fn().is_some();
        let items = call
            .any_fn()
            .and_then(|any| any.expr())
            .or_else(|| call.all_fn().and_then(|all| all.expr()))
            .ok_or_else(what)?;
        Ok(Expression::Among(
            comparison,
            Box::new(left),
            self.items(items)?,
            every,
        ))
    }

    fn items(&self, list: ast::Expr) -> Read<Vec<Expression>> {
        match list {
            ast::Expr::ParenExpr(inner) if inner.expr().is_some() => inner
                .expr()
                .map_or_else(|| Ok(Vec::new()), |inner| self.items(inner)),
            ast::Expr::ArrayExpr(array) => {
                array.exprs().map(|item| self.expression(&item)).collect()
            }
            ast::Expr::CastExpr(outer) => {
                let what = || NotUnderstood {
                    what: outer.syntax().text().to_string(),
                };
                let kind = outer.ty().ok_or_else(what)?.syntax().text().to_string();
                let kind = kind.strip_suffix("[]").ok_or_else(what)?.to_owned();
                self.items(outer.expr().ok_or_else(what)?)?
                    .into_iter()
                    .map(|item| cast(item, &kind).ok_or_else(what))
                    .collect()
            }
            other => refuse(other.syntax().text().to_string()),
        }
    }

    fn case(&self, node: &ast::CaseExpr) -> Read<Expression> {
        let what = || NotUnderstood {
            what: node.syntax().text().to_string(),
        };
        let subject = node
            .expr()
            .map(|subject| self.expression(&subject))
            .transpose()?;
        let mut branches = Vec::new();
        for branch in node.when_clause_list().ok_or_else(what)?.when_clauses() {
            let condition = self.expression(&branch.condition().ok_or_else(what)?)?;
            let condition = match &subject {
                Some(subject) => Expression::Compare(
                    Comparison::Equal,
                    Box::new(subject.clone()),
                    Box::new(condition),
                ),
                None => condition,
            };
            branches.push((
                condition,
                self.expression(&branch.then().ok_or_else(what)?)?,
            ));
        }
        let otherwise = match node.else_clause().and_then(|clause| clause.expr()) {
            Some(otherwise) => self.expression(&otherwise)?,
            None => Expression::Constant(Value::Null),
        };
        Ok(Expression::Case(branches, Box::new(otherwise)))
    }

    fn call(&self, node: &ast::CallExpr) -> Read<Expression> {
        let what = || NotUnderstood {
            what: node.syntax().text().to_string(),
        };
        if let Some(extract) = node.extract_fn() {
            let inner = self.expression(&extract.expr().ok_or_else(what)?)?;
            let text = what().what.to_ascii_lowercase();
            let field = text
                .trim_start_matches("extract")
                .trim_start_matches(['(', ' '])
                .to_owned();
            return field_of(&field, inner).ok_or_else(what);
        }
        if let Some(trim) = node.trim_fn() {
            let text = what().what.to_ascii_uppercase();
            let mut inner = trim.syntax().descendants().filter_map(ast::Expr::cast);
            return match inner.next() {
                // One operand: spaces, at both ends.
                Some(inner) if text.starts_with("TRIM(BOTH FROM ") && !text.contains(',') => Ok(
                    Expression::Call(Function::Trim, vec![self.expression(&inner)?]),
                ),
                _ => Err(what()),
            };
        }
        let name = child(node).ok_or_else(what)?.syntax().text().to_string();
        let name = name
            .strip_prefix("pg_catalog.")
            .unwrap_or(&name)
            .to_ascii_lowercase();
        let mut arguments = Vec::new();
        for argument in node.arg_list().ok_or_else(what)?.args() {
            let inner = argument.syntax().descendants().find_map(ast::Expr::cast);
            arguments.push(self.expression(&inner.ok_or_else(what)?)?);
        }
        if name == "now" && arguments.is_empty() {
            return self
                .now
                .map(|now| Expression::Constant(Value::Timestamp(now)))
                .ok_or_else(what);
        }
        if name == "date_part" && arguments.len() == 2 {
            let inner = arguments.pop().ok_or_else(what)?;
            return match arguments.pop() {
                Some(Expression::Constant(Value::Text(field))) => {
                    field_of(&format!("{field} "), inner).ok_or_else(what)
                }
                _ => Err(what()),
            };
        }
        let function = function(&name, &mut arguments).ok_or_else(what)?;
        Ok(Expression::Call(function, arguments))
    }
}

/// The first expression right below a node.
fn child(node: &impl AstNode) -> Option<ast::Expr> {
    node.syntax().children().find_map(ast::Expr::cast)
}

fn date_of(now: i64) -> Read<Expression> {
    match i32::try_from(now.div_euclid(86_400_000_000)) {
        Ok(days) => Ok(Expression::Constant(Value::Date(days))),
        Err(_) => refuse("CURRENT_DATE"),
    }
}

fn literal(text: &str) -> Read<Expression> {
    let value = match text.to_ascii_lowercase().as_str() {
        "null" => Some(Value::Null),
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if text.starts_with('\'') || text.starts_with("E'") => quoted(text).map(Value::text),
        _ => match text.parse() {
            Ok(number) => Some(Value::Int(number)),
            Err(_) => crate::sql::Decimal::parse(text).map(Value::Decimal),
        },
    };
    value
        .map(Expression::Constant)
        .ok_or_else(|| NotUnderstood {
            what: text.to_owned(),
        })
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "=" => Comparison::Equal,
        "<>" | "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::AtMost,
        ">" => Comparison::Greater,
        ">=" => Comparison::AtLeast,
        _ => return None,
    })
}

fn matches(sign: &str, left: Box<Expression>, right: &Expression) -> Option<Read<Expression>> {
    let Expression::Constant(Value::Text(text)) = right else {
        return None;
    };
    let (positive, not) = match sign.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (sign, false),
    };
    let (regex, fold) = match positive {
        "~" | "~*" => match regular::advanced(text) {
            Ok(regex) => (regex, positive == "~*"),
            Err(what) => return Some(refuse(format!("{what}: {text}"))),
        },
        "~~" | "~~*" => (regular::like(text), positive == "~~*"),
        _ => return None,
    };
    let found = Expression::Matches(left, Pattern::new(regex, fold)?);
    Some(Ok(if not {
        Expression::Not(Box::new(found))
    } else {
        found
    }))
}

fn field_of(text: &str, inner: Expression) -> Option<Expression> {
    let function = match text.split([' ', ')']).next()? {
        "year" => Function::Year,
        "month" => Function::Month,
        _ => return None,
    };
    Some(Expression::Call(function, vec![inner]))
}

fn function(name: &str, arguments: &mut Vec<Expression>) -> Option<Function> {
    if name == "array_length" {
        let dimension = arguments.pop()?;
        return (dimension == Expression::Constant(Value::Int(1)) && arguments.len() == 1)
            .then_some(Function::ArrayLength);
    }
    let function = match name {
        "coalesce" => return Some(Function::Coalesce),
        "num_nonnulls" => return Some(Function::NonNulls),
        "num_nulls" => return Some(Function::Nulls),
        "length" | "char_length" | "character_length" => Function::Length,
        "octet_length" => Function::Bytes,
        "lower" => Function::Lower,
        "upper" => Function::Upper,
        "btrim" => Function::Trim,
        "abs" => Function::Abs,
        "cardinality" => Function::Cardinality,
        "jsonb_typeof" | "json_typeof" => Function::JsonType,
        _ => return None,
    };
    (arguments.len() == 1).then_some(function)
}
