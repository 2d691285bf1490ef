//! A source file, cut into what the rules look at.

/// A source file without its test modules in two views, both with the same line numbers.
pub(super) struct Source {
    /// Path from the root of the repository.
    pub(super) name: String,
    /// The text without comments.
    pub(super) spoken: String,
    /// The same without comments and without the content of literals.
    pub(super) code: String,
    /// Lines of the whole file, tests and all.
    pub(super) lines: usize,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let lines = text.lines().count();
        let (spoken, code) = strip(text);
        let mut keep = without_tests(&code);
        if is_test(name) {
            keep.fill(false);
        }
        let cut = |view: &str| {
            view.split('\n')
                .zip(&keep)
                .map(|(line, keep)| if *keep { line } else { "" })
                .collect::<Vec<_>>()
                .join("\n")
        };
        Self {
            name: name.to_owned(),
            spoken: cut(&spoken),
            code: cut(&code),
            lines,
        }
    }

    /// The room: `sql` of `src/sql/ident.rs`, `clock` of `src/clock.rs`.
    pub(super) fn room(&self) -> &str {
        let path = self.name.trim_start_matches("src/");
        path.split('/')
            .next()
            .unwrap_or(path)
            .trim_end_matches(".rs")
    }

    /// A finding at a line, counted from 0.
    pub(super) fn finding(&self, line: usize, words: &str) -> String {
        format!("{}:{}: {words}", self.name, line + 1)
    }
}

/// Files that a `mod` under `#[cfg(test)]` brings in.
fn is_test(name: &str) -> bool {
    name.starts_with("src/")
        && (name.ends_with("/tests.rs")
            || name.ends_with("/tests_support.rs")
            || name.contains("/tests/"))
}

/// Which lines are outside of items under `#[cfg(test)]`; `code` is free of literals.
fn without_tests(code: &str) -> Vec<bool> {
    let mut keep = Vec::new();
    let mut depth = 0_usize;
    let mut test: Option<(usize, bool)> = None;
    for line in code.split('\n') {
        if test.is_none() && line.trim_start().starts_with("#[cfg(test)]") {
            test = Some((depth, false));
        }
        keep.push(test.is_none());
        for c in line.chars() {
            match c {
                '{' => {
                    depth += 1;
                    if let Some((_, open)) = &mut test {
                        *open = true;
                    }
                }
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if let Some((outer, open)) = test {
            // The item ends with its brace, or with a semicolon when it has none.
            if (open && depth <= outer) || (!open && line.trim_end().ends_with(';')) {
                test = None;
            }
        }
    }
    keep
}

/// The text without comments, and the text without comments and literals. Blanks stand in for
/// what is taken out, so that lines and columns stay.
fn strip(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut spoken, mut code) = (String::new(), String::new());
    let mut i = 0;
    while i < chars.len() {
        let end = token(&chars, i);
        let kind = kind(&chars, i);
        for &c in &chars[i..end] {
            let blank = if c == '\n' { '\n' } else { ' ' };
            spoken.push(if kind == Token::Comment { blank } else { c });
            code.push(if kind == Token::Code { c } else { blank });
        }
        i = end;
    }
    (spoken, code)
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Token {
    Code,
    Comment,
    Literal,
}

fn kind(chars: &[char], i: usize) -> Token {
    match (chars[i], chars.get(i + 1)) {
        ('/', Some('/' | '*')) => Token::Comment,
        ('"', _) => Token::Literal,
        ('r', _) if raw_hashes(chars, i).is_some() => Token::Literal,
        ('\'', _) if char_end(chars, i).is_some() => Token::Literal,
        _ => Token::Code,
    }
}

/// The end of the token that begins at `i`.
fn token(chars: &[char], i: usize) -> usize {
    let find = |from: usize, stop: &dyn Fn(usize) -> bool| {
        (from..chars.len())
            .find(|&at| stop(at))
            .unwrap_or(chars.len())
    };
    match kind(chars, i) {
        Token::Comment if chars[i + 1] == '/' => find(i, &|at| chars[at] == '\n'),
        Token::Comment => (find(i + 2, &|at| {
            chars[at] == '*' && chars.get(at + 1) == Some(&'/')
        }) + 2)
            .min(chars.len()),
        Token::Literal if chars[i] == '\'' => char_end(chars, i).unwrap_or(i + 1),
        Token::Literal if chars[i] == 'r' => {
            let hashes = raw_hashes(chars, i).unwrap_or(0);
            let close = |at: usize| {
                chars[at] == '"' && (1..=hashes).all(|n| chars.get(at + n) == Some(&'#'))
            };
            (find(i + hashes + 2, &close) + hashes + 1).min(chars.len())
        }
        Token::Literal => {
            let mut at = i + 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            (at + 1).min(chars.len())
        }
        Token::Code => i + 1,
    }
}

/// Number of `#` of the raw string that begins at `i`, when one does.
fn raw_hashes(chars: &[char], i: usize) -> Option<usize> {
    if i > 0 && (chars[i - 1].is_alphanumeric() && chars[i - 1] != 'b' || chars[i - 1] == '_') {
        return None;
    }
    let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(i + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// The end of the character literal that begins at `i`; a lifetime is none.
fn char_end(chars: &[char], i: usize) -> Option<usize> {
    match chars.get(i + 1)? {
        '\\' => (i + 3..(i + 14).min(chars.len()))
            .find(|&at| chars[at] == '\'')
            .map(|at| at + 1),
        _ => (chars.get(i + 2) == Some(&'\'')).then_some(i + 3),
    }
}
