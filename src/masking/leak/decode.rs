//! From the text form of COPY to what is searched.

/// What a column's text form hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Nothing: text, JSON, arrays, composites, numbers as they are.
    Plain,
    /// `\x` and hexadecimal digits: bytea.
    Bytes,
    /// Lexemes in alphabetical order with their positions: tsvector.
    Lexemes,
}

/// Decodes cells; keeps its buffers.
#[derive(Debug, Default)]
pub struct Decoder {
    plain: Vec<u8>,
    decoded: Vec<u8>,
    again: Vec<u8>,
}

impl Decoder {
    /// Calls `search` with the text of a cell and, where it may be written in another way inside,
    /// with that decoded too (JSON's `\u00fc`, percent signs of URLs).
    pub fn cell(&mut self, raw: &[u8], kind: CellKind, search: &mut dyn FnMut(&[u8])) {
        let text: &[u8] = if memchr::memchr(b'\\', raw).is_some() {
            unescape_copy(raw, &mut self.plain);
            &self.plain
        } else {
            raw
        };
        let text = match kind {
            CellKind::Plain => text,
            CellKind::Bytes => {
                unhex(text, &mut self.decoded);
                &self.decoded
            }
            CellKind::Lexemes => {
                in_order(text, &mut self.decoded);
                &self.decoded
            }
        };
        other_forms(text, &mut self.again, search);
    }

    /// The same for a value that did not come by the text form of COPY: bytes are as they are.
    pub fn value(&mut self, text: &[u8], kind: CellKind, search: &mut dyn FnMut(&[u8])) {
        let text = match kind {
            CellKind::Plain | CellKind::Bytes => text,
            CellKind::Lexemes => {
                in_order(text, &mut self.decoded);
                &self.decoded
            }
        };
        other_forms(text, &mut self.again, search);
    }
}

/// The text itself, then as it reads with escapes of JSON, URLs or bytes undone.
fn other_forms(text: &[u8], buffer: &mut Vec<u8>, search: &mut dyn FnMut(&[u8])) {
    search(text);
    if memchr::memchr(b'\\', text).is_some() {
        if memchr::memmem::find(text, b"\\u").is_some() {
            unescape_json(text, buffer);
            search(buffer);
        }
        if memchr::memmem::find(text, b"\\x").is_some() {
            unescape_bytes(text, buffer);
            search(buffer);
        }
    }
    if memchr::memchr(b'%', text).is_some() && unescape_percent(text, buffer) {
        search(buffer);
    }
}

/// `\x416e6e` inside of arrays, composites and literals.
fn unescape_bytes(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"\\x") {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 2..];
        let end = rest
            .iter()
            .position(|byte| !byte.is_ascii_hexdigit())
            .unwrap_or(rest.len());
        out.push(b' ');
        out.extend(
            rest[..end]
                .chunks_exact(2)
                .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])),
        );
        rest = &rest[end..];
    }
    out.extend_from_slice(rest);
}

/// Undoes COPY's escapes (<https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format").
pub fn unescape_copy(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'\\' {
            match bytes.next() {
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 11,
                Some(other) => other,
                None => b'\\',
            }
        } else {
            byte
        });
    }
}

fn unhex(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let digits = text.strip_prefix(b"\\x").unwrap_or(text);
    out.extend(
        digits
            .chunks_exact(2)
            .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])),
    );
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// `'ann':1 'miller':2,7` as the words in the order of the text they come from. Lexemes without
/// positions follow in their own order.
fn in_order(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut placed: Vec<(u32, &[u8])> = Vec::new();
    let mut rest = text;
    while let Some(start) = memchr::memchr(b'\'', rest) {
        let body = &rest[start + 1..];
        let end = end_of_lexeme(body);
        let lexeme = &body[..end];
        rest = body.get(end + 1..).unwrap_or_default();
        let positions = rest
            .iter()
            .position(|byte| byte.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (list, more) = rest.split_at(positions);
        rest = more;
        let list = std::str::from_utf8(list).unwrap_or_default();
        let mut any = false;
        for place in list.trim_start_matches(':').split(',') {
            let digits = place.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            if let Ok(place) = digits.parse() {
                placed.push((place, lexeme));
                any = true;
            }
        }
        if !any {
            placed.push((u32::MAX, lexeme));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    for (_, lexeme) in placed {
        out.extend_from_slice(lexeme);
        out.push(b' ');
    }
}

/// The closing quote; two quotes stand for one.
fn end_of_lexeme(body: &[u8]) -> usize {
    let mut at = 0;
    while at < body.len() {
        if body[at] == b'\'' {
            if body.get(at + 1) != Some(&b'\'') {
                return at;
            }
            at += 1;
        }
        at += 1;
    }
    body.len()
}

/// `\u00fc` of JSON (RFC 8259), surrogate pairs too.
fn unescape_json(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut at = 0;
    while at < text.len() {
        if let Some((letter, length)) = json_escape(&text[at..]) {
            let mut buffer = [0; 4];
            out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
            at += length;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
}

fn json_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if (0xd800..0xdc00).contains(&first) {
        let second = unit(6)?.checked_sub(0xdc00)?;
        let code = 0x10000 + ((first - 0xd800) << 10) + second;
        return Some((char::from_u32(code)?, 12));
    }
    Some((char::from_u32(first)?, 6))
}

/// `%40` of URLs; whether anything was decoded.
fn unescape_percent(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut any = false;
    let mut at = 0;
    while at < text.len() {
        match text.get(at..at + 3) {
            Some([b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                any = true;
                at += 3;
            }
            _ => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(raw: &str, kind: CellKind) -> Vec<String> {
        let mut all = Vec::new();
        Decoder::default().cell(raw.as_bytes(), kind, &mut |text| {
            all.push(String::from_utf8_lossy(text).into_owned());
        });
        all
    }

    #[test]
    fn cells_are_decoded() {
        assert_eq!(seen("a\\tb\\\\c\\n", CellKind::Plain), ["a\tb\\c\n"]);
        assert_eq!(seen("\\\\x416e6e", CellKind::Bytes), ["Ann"]);
        assert_eq!(
            seen("'ann':1 'it''s':3A 'miller':2,4", CellKind::Lexemes),
            ["ann miller it''s miller "]
        );
        assert_eq!(seen("'b' 'a'", CellKind::Lexemes), ["b a "]);
        assert_eq!(
            seen("M\\\\u00fcller \\\\ud83d\\\\ude00", CellKind::Plain)[1],
            "Müller 😀"
        );
        assert_eq!(
            seen("ann%40corp.example", CellKind::Plain)[1],
            "ann@corp.example"
        );
        assert_eq!(
            seen(r#"{"\\\\x416e6e"}"#, CellKind::Plain)[1],
            "{\"\\ Ann\"}"
        );
        assert_eq!(seen("100%", CellKind::Plain).len(), 1);
        assert_eq!(seen("\\\\u12", CellKind::Plain)[1], "\\u12");
    }
}
