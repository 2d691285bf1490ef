//! Scans a JSON text (RFC 8259) and writes it with its leaves masked.

use super::json_path::Spot;
use super::leaf::{Leaf, Rules};
use crate::masking::{FieldMask, Masked, Row, Unmaskable};

pub(super) const NOT_JSON: Unmaskable = Unmaskable {
    reason: "not valid JSON, or nested deeper than 500 levels",
};

/// Levels of nesting that are followed; each takes a frame of the stack.
const DEPTH: usize = 500;

type Done = Result<(), Unmaskable>;

pub(super) struct Scanner<'a> {
    rules: &'a Rules,
    text: &'a str,
    row: &'a Row<'a>,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(rules: &'a Rules, text: &'a str, row: &'a Row<'a>) -> Self {
        Self {
            rules,
            text,
            row,
            at: 0,
        }
    }

    pub(super) fn document(mut self, out: &mut Vec<u8>) -> Done {
        self.space(out);
        self.value(self.rules.paths.root(), 0, out)?;
        self.space(out);
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(NOT_JSON)
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Copies white space.
    fn space(&mut self, out: &mut Vec<u8>) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            out.push(byte);
            self.at += 1;
        }
    }

    /// Copies one expected byte.
    fn sign(&mut self, sign: u8, out: &mut Vec<u8>) -> Done {
        if self.peek() != Some(sign) {
            return Err(NOT_JSON);
        }
        out.push(sign);
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, spot: Spot, depth: usize, out: &mut Vec<u8>) -> Done {
        match self.peek().ok_or(NOT_JSON)? {
            _ if depth > DEPTH => Err(NOT_JSON),
            b'{' => self.object(spot, depth, out),
            b'[' => self.array(spot, depth, out),
            b'"' => {
                let raw = self.string()?;
                self.masked_string(spot, raw, out)
            }
            b't' => self.word("true", spot, out),
            b'f' => self.word("false", spot, out),
            b'n' => self.word("null", spot, out),
            _ => {
                let raw = self.number()?;
                self.masked_number(spot, raw, out)
            }
        }
    }

    fn object(&mut self, spot: Spot, depth: usize, out: &mut Vec<u8>) -> Done {
        self.sign(b'{', out)?;
        self.space(out);
        if self.peek() == Some(b'}') {
            return self.sign(b'}', out);
        }
        loop {
            let raw = self.string()?;
            out.extend_from_slice(raw.as_bytes());
            let inner = &raw[1..raw.len() - 1];
            let child = if inner.contains('\\') {
                self.rules.paths.key(spot, &unescape(raw)?)
            } else {
                self.rules.paths.key(spot, inner)
            };
            self.space(out);
            self.sign(b':', out)?;
            self.space(out);
            self.value(child, depth + 1, out)?;
            self.space(out);
            if self.peek() == Some(b'}') {
                return self.sign(b'}', out);
            }
            self.sign(b',', out)?;
            self.space(out);
        }
    }

    fn array(&mut self, spot: Spot, depth: usize, out: &mut Vec<u8>) -> Done {
        self.sign(b'[', out)?;
        self.space(out);
        if self.peek() == Some(b']') {
            return self.sign(b']', out);
        }
        let child = self.rules.paths.element(spot);
        loop {
            self.value(child, depth + 1, out)?;
            self.space(out);
            if self.peek() == Some(b']') {
                return self.sign(b']', out);
            }
            self.sign(b',', out)?;
            self.space(out);
        }
    }

    /// A string with its quotes; its escapes are checked.
    fn string(&mut self) -> Result<&'a str, Unmaskable> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        if self.peek() != Some(b'"') {
            return Err(NOT_JSON);
        }
        let mut at = start + 1;
        loop {
            match bytes.get(at).ok_or(NOT_JSON)? {
                b'"' => break,
                b'\\' => match bytes.get(at + 1).ok_or(NOT_JSON)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    b'u' => {
                        let digits = bytes.get(at + 2..at + 6).ok_or(NOT_JSON)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return Err(NOT_JSON);
                        }
                        at += 6;
                    }
                    _ => return Err(NOT_JSON),
                },
                0..0x20 => return Err(NOT_JSON),
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Ok(&self.text[start..self.at])
    }

    fn number(&mut self) -> Result<&'a str, Unmaskable> {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c))
            .unwrap_or(rest.len());
        let raw = &rest[..length];
        if !is_number(raw) {
            return Err(NOT_JSON);
        }
        self.at += length;
        Ok(raw)
    }

    /// `true`, `false` and `null`.
    fn word(&mut self, word: &str, spot: Spot, out: &mut Vec<u8>) -> Done {
        if !self.text[self.at..].starts_with(word) {
            return Err(NOT_JSON);
        }
        self.at += word.len();
        let shown: &[u8] = match self.rules.leaf(spot) {
            Leaf::Keep => word.as_bytes(),
            _ if word == "null" => b"null",
            Leaf::Null => b"null",
            Leaf::Constant { json, .. } => json,
            Leaf::Redact | Leaf::Text(_) | Leaf::Number(_) => b"false",
        };
        out.extend_from_slice(shown);
        Ok(())
    }

    fn masked_string(&self, spot: Spot, raw: &str, out: &mut Vec<u8>) -> Done {
        match self.rules.leaf(spot) {
            Leaf::Keep => out.extend_from_slice(raw.as_bytes()),
            Leaf::Null => out.extend_from_slice(b"null"),
            Leaf::Redact | Leaf::Number(_) => out.extend_from_slice(REDACTED),
            Leaf::Constant { json, .. } => out.extend_from_slice(json),
            Leaf::Text(mask) => {
                let inner = &raw[1..raw.len() - 1];
                let start = out.len();
                out.push(b'"');
                let masked = if inner.contains('\\') {
                    let plain = unescape(raw)?;
                    mask.apply(Some(plain.as_bytes()), self.row, out)
                } else {
                    mask.apply(Some(inner.as_bytes()), self.row, out)
                };
                finish_string(masked, start, out);
            }
        }
        Ok(())
    }

    fn masked_number(&self, spot: Spot, raw: &str, out: &mut Vec<u8>) -> Done {
        match self.rules.leaf(spot) {
            Leaf::Keep => out.extend_from_slice(raw.as_bytes()),
            Leaf::Null => out.extend_from_slice(b"null"),
            Leaf::Redact => out.push(b'0'),
            Leaf::Constant { json, .. } => out.extend_from_slice(json),
            Leaf::Number(mask) => {
                let number: f64 = raw.parse().map_err(|_| NOT_JSON)?;
                match float(mask.as_ref(), number, self.row) {
                    Some(masked) => {
                        use std::io::Write;
                        write!(out, "{masked}").map_err(|_| NOT_JSON)?;
                    }
                    None => out.push(b'0'),
                }
            }
            Leaf::Text(mask) => {
                let start = out.len();
                out.push(b'"');
                let masked = mask.apply(Some(raw.as_bytes()), self.row, out);
                let bare = std::str::from_utf8(&out[start + 1..]).is_ok_and(is_number);
                if masked == Ok(Masked::Value) && bare {
                    out.remove(start);
                } else {
                    finish_string(masked, start, out);
                }
            }
        }
        Ok(())
    }
}

const REDACTED: &[u8] = b"\"***\"";

/// Closes the string that begins at `start` and holds what a mask wrote. A leaf that breaks the
/// format of its mask is redacted.
fn finish_string(masked: Result<Masked, Unmaskable>, start: usize, out: &mut Vec<u8>) {
    match masked {
        Ok(Masked::Value) => {
            let plain = out[start + 1..]
                .iter()
                .all(|b| *b >= 0x20 && *b != b'"' && *b != b'\\');
            if plain {
                out.push(b'"');
                return;
            }
            let text = String::from_utf8_lossy(&out[start + 1..]).into_owned();
            out.truncate(start);
            out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
        }
        Ok(Masked::Null) => {
            out.truncate(start);
            out.extend_from_slice(b"null");
        }
        Err(_) => {
            out.truncate(start);
            out.extend_from_slice(REDACTED);
        }
    }
}

fn float(mask: &dyn FieldMask, number: f64, row: &Row<'_>) -> Option<f64> {
    let mut bytes = Vec::with_capacity(8);
    mask.apply(Some(&number.to_be_bytes()), row, &mut bytes)
        .ok()?;
    Some(f64::from_be_bytes(bytes.try_into().ok()?))
}

/// The text of a string with its quotes. A lone surrogate has no text.
fn unescape(raw: &str) -> Result<String, Unmaskable> {
    serde_json::from_str(raw).map_err(|_| NOT_JSON)
}

/// RFC 8259, section 6.
fn is_number(text: &str) -> bool {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest.starts_with('0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    }
}
