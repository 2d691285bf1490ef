//! The rules.

use super::source::Source;

/// A rule, a snippet that breaks it once, and one that keeps it.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) check: fn(&Source) -> Vec<String>,
    pub(super) breaks: (&'static str, &'static str),
    pub(super) keeps: (&'static str, &'static str),
}

const DOMAIN: &[&str] = &[
    "sql",
    "catalog",
    "job",
    "migration",
    "backfill",
    "governance",
    "masking",
    "subset",
    "diff",
    "copy",
    "generate",
    "recovery",
    "world",
];
const ADAPTERS: &[&str] = &[
    "postgres", "control", "vault", "config", "storage", "dispatch", "engines",
];
/// Open to every room.
const EVERYWHERE: &[&str] = &["error", "clock", "world", "Error", "Result"];

/// Snippets carry `@` where the real text would break a rule of a simpler tool; it is taken out.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "parameters",
        check: parameters,
        breaks: (
            "src/a.rs",
            "fn f<T: Fn(u8) -> u8>(\n  a: (u8, u8),\n  b: M<u8, u8>,\n  c: u8,\n  d: u8,\n  e: u8,\n  f: u8,\n) {}\n",
        ),
        keeps: (
            "src/a.rs",
            "fn f(&self, a: (u8, u8), b: M<u8, u8>, c: fn(u8, u8) -> u8, d: [u8; 2], e: u8) {}\n",
        ),
    },
    Rule {
        name: "module names",
        check: module_names,
        breaks: ("src/sql/utils.rs", ""),
        keeps: ("src/sql/ident.rs", ""),
    },
    Rule {
        name: "mod.rs",
        check: mod_files,
        breaks: ("src/sql/mod.rs", "//! Docs.\nmod a;\nfn f() {}\n"),
        keeps: (
            "src/sql/mod.rs",
            "//! Docs.\n\n/// A.\npub mod a;\n#[cfg(test)]\nmod t;\npub use a::{\n    B,\n    C,\n};\n",
        ),
    },
    Rule {
        name: "direction",
        check: direction,
        breaks: ("src/sql/a.rs", "use crate::postgres::Session;\n"),
        keeps: (
            "src/service/a.rs",
            "use crate::postgres::Session;\nuse crate::{clock, sql};\n",
        ),
    },
    Rule {
        name: "nobody imports cli",
        check: direction,
        breaks: (
            "src/service/a.rs",
            "fn f(page: &mut crate::cli::render::Page) {}\n",
        ),
        keeps: ("src/cli/a.rs", "use crate::cli::render;\n"),
    },
    Rule {
        name: "domain rooms do not know each other",
        check: direction,
        breaks: (
            "src/backfill/a.rs",
            "use crate::{error::Kind, migration::Plan};\n",
        ),
        keeps: ("src/migration/a.rs", "use crate::backfill::Window;\n"),
    },
    Rule {
        name: "domain rooms are pure",
        check: pure_rooms,
        breaks: ("src/backfill/a.rs", "use std::fs::File;\n"),
        keeps: (
            "src/control/a.rs",
            "use std::fs::File;\nuse tokio::time::sleep;\n",
        ),
    },
    Rule {
        name: "printing",
        check: printing,
        breaks: ("src/service/a.rs", "fn f() { print@ln!(\"a\"); }\n"),
        keeps: ("src/cli/render/a.rs", "fn f() { eprint@ln!(\"a\"); }\n"),
    },
    Rule {
        name: "clock",
        check: clock,
        breaks: ("src/service/a.rs", "fn f() { let t = Instant::now(); }\n"),
        keeps: ("src/clock.rs", "fn f() { let t = Instant::now(); }\n"),
    },
    Rule {
        name: "kinds of documents",
        check: kinds,
        breaks: (
            "src/cli/a.rs",
            "fn kind(&self) -> &'static str {\n    \"a-b\"\n}\n",
        ),
        keeps: (
            "src/cli/a.rs",
            "fn kind(&self) -> &'static str {\n    \"a_b\"\n}\n",
        ),
    },
    Rule {
        name: "panics",
        check: panics,
        breaks: ("src/a.rs", "fn f() { g().unwrap(); }\n"),
        keeps: (
            "src/a.rs",
            "fn f() { g().unwrap_or(\".unwrap()\") } // .unwrap()\n\
             #[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); panic!() }\n}\n",
        ),
    },
    Rule {
        name: "environment variables",
        check: variables,
        breaks: ("src/cli/a.rs", "fn f() { std::env::var(\"HOME\"); }\n"),
        keeps: ("src/config/a.rs", "fn f() { std::env::var(\"HOME\"); }\n"),
    },
    Rule {
        name: "quoted values in SQL",
        check: quoted_values,
        breaks: (
            "src/postgres/a.rs",
            "fn f() { format!(\"select * from t where a = '{name}'\"); }\n",
        ),
        keeps: (
            "src/postgres/a.rs",
            "fn f() { format!(\"select * from {table} where a = $1\");\n format!(\"cannot find '{name}'\"); }\n",
        ),
    },
];

/// At most 500 lines of code, 800 in all.
pub(super) fn file_size(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let code = code_lines(source.code.lines());
    if source.name == "src/error/policy.rs" {
        // One exhaustive table, one row a kind: to cut it in two would hide its order.
        return found;
    }
    if code > 500 {
        found.push(source.finding(0, &format!("{code} lines of code; 500 are allowed")));
    }
    if source.lines > 800 {
        found.push(source.finding(0, &format!("{} lines; 800 are allowed", source.lines)));
    }
    found
}

/// At most 70 lines of code a function. `#[allow(clippy::too_many_lines, reason)]` lifts it.
pub(super) fn function_size(source: &Source) -> Vec<String> {
    functions(source)
        .into_iter()
        .filter_map(|function| {
            let lines: Vec<&str> = source.code.lines().collect();
            let body = lines.get(function.line..=function.last)?;
            let size = code_lines(body.iter().copied());
            let before = &lines[function.line.saturating_sub(8)..function.line];
            let allowed = before
                .iter()
                .rev()
                .take_while(|line| !line.trim_end().ends_with('}'))
                .any(|line| line.contains("clippy::too_many_lines"));
            (size > 72 && !allowed).then(|| {
                source.finding(
                    function.line,
                    &format!("a function of {size} lines; 70 are allowed"),
                )
            })
        })
        .collect()
}

/// At most 5 parameters besides `self`.
fn parameters(source: &Source) -> Vec<String> {
    functions(source)
        .into_iter()
        .filter(|function| function.parameters > 5)
        .map(|function| {
            let words = format!("{} parameters; 5 are allowed", function.parameters);
            source.finding(function.line, &words)
        })
        .collect()
}

fn module_names(source: &Source) -> Vec<String> {
    let forbidden = [
        "util", "utils", "common", "helper", "helpers", "manager", "misc",
    ];
    source
        .name
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| forbidden.contains(part))
        .map(|part| source.finding(0, &format!("`{part}` says nothing; name the concept")))
        .collect()
}

fn mod_files(source: &Source) -> Vec<String> {
    if !source.name.ends_with("/mod.rs") {
        return Vec::new();
    }
    let mut inside_use = false;
    let mut found = Vec::new();
    for (i, line) in source.code.lines().enumerate() {
        let line = line.trim();
        let head = line
            .strip_prefix("pub(crate) ")
            .or(line.strip_prefix("pub(super) "))
            .or(line
                .strip_prefix("pub(in crate::")
                .and_then(|rest| Some(rest.split_once(") ")?.1)));
        let head = head.or(line.strip_prefix("pub ")).unwrap_or(line);
        let starts_use = head.starts_with("use ");
        if !(inside_use
            || line.is_empty()
            || line.starts_with('#')
            || starts_use
            || (head.starts_with("mod ") && head.ends_with(';')))
        {
            found.push(source.finding(i, "mod.rs holds docs, `mod` and `use` alone"));
        }
        inside_use = (inside_use || starts_use) && !line.ends_with(';');
    }
    found
}

/// sql, catalog, job -> other domain rooms -> adapters -> service -> cli.
fn direction(source: &Source) -> Vec<String> {
    let room = source.room();
    let allowed = |other: &str| {
        if other == room || EVERYWHERE.contains(&other) || room == "cli" {
            return true;
        }
        if other == "cli" {
            return matches!(room, "main" | "lib");
        }
        match room {
            "main" | "lib" => true,
            "error" | "clock" => false,
            "sql" | "job" | "world" => false,
            "catalog" => other == "sql",
            "migration" => matches!(other, "sql" | "catalog" | "job" | "backfill"),
            "subset" => matches!(other, "sql" | "catalog" | "job" | "masking"),
            "copy" => matches!(other, "sql" | "catalog" | "job" | "masking" | "subset"),
            room if DOMAIN.contains(&room) => matches!(other, "sql" | "catalog" | "job"),
            room if ADAPTERS.contains(&room) => {
                DOMAIN.contains(&other) || ADAPTERS.contains(&other)
            }
            // A report is made of what others found.
            "report" => DOMAIN.contains(&other),
            "service" => other != "daemon",
            "telemetry" => matches!(other, "config" | "job"),
            _ => true,
        }
    };
    crate_paths(&source.code)
        .into_iter()
        .filter(|(_, other)| !allowed(other))
        .map(|(line, other)| source.finding(line, &format!("`{room}` must not know `{other}`")))
        .collect()
}

fn pure_rooms(source: &Source) -> Vec<String> {
    if !DOMAIN.contains(&source.room()) && source.room() != "report" {
        return Vec::new();
    }
    let forbidden = [
        "tokio::",
        "tokio_postgres::",
        "sqlx::",
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::net::ToSocketAddrs",
        "std::process",
        "rustix::",
        "std::thread",
        "reqwest::",
    ];
    found_words(source, &forbidden, "a domain room does no I/O")
}

fn printing(source: &Source) -> Vec<String> {
    if source.name.starts_with("src/cli/render/") {
        return Vec::new();
    }
    found_words(source, &["print!(", "println!("], "only cli/render prints")
}

/// Reports whose `kind` is not written in lower case with underscores, as the fields of JSON are.
fn kinds(source: &Source) -> Vec<String> {
    if source.room() != "cli" {
        return Vec::new();
    }
    let own = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let all = source
        .spoken
        .match_indices("fn kind(&self) -> &'static str {");
    all.filter_map(|(at, _)| Some((at, source.spoken[at..].split('"').nth(1)?)))
        .filter(|(_, kind)| !kind.bytes().all(own))
        .map(|(at, _)| {
            let line = source.spoken[..at].lines().count();
            source.finding(line, "a kind is written like_this")
        })
        .collect()
}

fn clock(source: &Source) -> Vec<String> {
    if source.name == "src/clock.rs" {
        return Vec::new();
    }
    let words = ["Utc::now", "Local::now", "Instant::now", "SystemTime::now"];
    found_words(source, &words, "only clock.rs reads the clock")
}

fn panics(source: &Source) -> Vec<String> {
    let words = [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "unreachable!(",
    ];
    found_words(source, &words, "return an error instead")
}

fn variables(source: &Source) -> Vec<String> {
    if source.room() == "config" {
        return Vec::new();
    }
    found_words(source, &["env::var"], "only config/ reads variables")
}

/// A value between quotes of SQL is a value that was not bound.
fn quoted_values(source: &Source) -> Vec<String> {
    let begins = [
        "select ", "update ", "insert ", "delete ", "alter ", "set ", "create ", "comment ", "do ",
    ];
    source
        .spoken
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            let line = line.to_ascii_lowercase();
            let quoted = |keyword: &str| line.contains(&format!("\"{keyword}"));
            line.contains("= '{") || line.contains("'{") && begins.iter().any(|k| quoted(k))
        })
        .map(|(i, _)| source.finding(i, "bind the value, or print it with sql::Literal"))
        .collect()
}

fn found_words(source: &Source, words: &[&str], advice: &str) -> Vec<String> {
    source
        .code
        .lines()
        .enumerate()
        .filter_map(|(i, line)| {
            let word = words.iter().find(|word| line.contains(*word))?;
            Some(source.finding(i, &format!("`{word}`: {advice}")))
        })
        .collect()
}

fn code_lines<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.filter(|line| !line.trim().is_empty()).count()
}

struct Function {
    line: usize,
    last: usize,
    parameters: usize,
}

/// Every `fn` with a body, nested ones too.
fn functions(source: &Source) -> Vec<Function> {
    let code = source.code.as_str();
    code.match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .filter_map(|(at, _)| {
            let open = opening(code, at)?;
            let close = closing(code, open)?;
            let body = close + code[close..].find(['{', ';'])?;
            let end = if code[body..].starts_with('{') {
                closing(code, body)?
            } else {
                body
            };
            let line = code[..at].matches('\n').count();
            Some(Function {
                line,
                last: line + code[at..end].matches('\n').count(),
                parameters: count_parameters(&code[open + 1..close]),
            })
        })
        .collect()
}

/// The parenthesis that opens the parameters: past the name and its generics.
fn opening(code: &str, at: usize) -> Option<usize> {
    let mut angle = 0_usize;
    let mut before = ' ';
    for (i, c) in code[at + 3..].char_indices() {
        match c {
            '<' => angle += 1,
            '>' if before != '-' => angle = angle.saturating_sub(1),
            '(' if angle == 0 => return Some(at + 3 + i),
            _ => {}
        }
        before = c;
    }
    None
}

/// The bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, c) in code[open..].char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(open + i);
                }
            }
            _ => {}
        }
    }
    None
}

fn count_parameters(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '(' | '[' | '<' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '>' if before != '-' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        before = c;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
        .iter()
        .map(|part| part.trim_matches([',', ' ', '\n']))
        .filter(|part| !part.is_empty() && !part.ends_with("self"))
        .count()
}

/// The first name of every path that begins with `crate::`, those in braces too.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count();
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let end = closing(rest, 0).unwrap_or(rest.len());
            let mut depth = 0_usize;
            let mut name = String::new();
            for c in group[..end.saturating_sub(1)].chars().chain([',']) {
                match c {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    ',' if depth == 0 => found.push((line, first_name(name.trim()))),
                    _ => {}
                }
                if c == ',' && depth == 0 {
                    name.clear();
                } else {
                    name.push(c);
                }
            }
        } else {
            found.push((line, first_name(rest)));
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

fn first_name(path: &str) -> String {
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
