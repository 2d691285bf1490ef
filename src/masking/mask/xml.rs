//! XML: texts and attributes are masked by path, everything that no path names by a rule of its
//! own. Comments and processing instructions are dropped; a document with its own entities is
//! refused, since they hide texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};

use super::json_path::{Spot, Step};
use super::leaf::{Rules, Syntax};
use super::site::{Compiled, Site};
use crate::masking::{FieldMask, Masked, Row, Rule, Shape, Unmaskable};

pub(super) fn compile(
    site: &Site<'_>,
    paths: &BTreeMap<String, Rule>,
    otherwise: &Rule,
) -> Compiled {
    if site.facts.shape != Shape::Text || !site.facts.labels.is_empty() {
        return Err(site.unfit("xml and XML in text"));
    }
    let hint = "write /person/phone, /person/@id, /orders/*/email";
    let syntax = Syntax {
        steps: |path| parse(path).ok_or_else(|| "which is none".to_owned()),
        write: hint,
        fewer: hint,
    };
    let rules = Rules::of(site, paths, otherwise, &syntax)?;
    Ok(Arc::new(Xml { rules }))
}

/// The steps of `/person/@id`: names as they are written, with their prefix; `*` is any.
fn parse(path: &str) -> Option<Vec<Step>> {
    let steps = path.strip_prefix('/')?.split('/').map(|name| match name {
        "" => None,
        "*" => Some(Step::AnyKey),
        name => Some(Step::Key(name.to_owned())),
    });
    steps.collect()
}

#[derive(Debug)]
struct Xml {
    rules: Rules,
}

const BAD: Unmaskable = Unmaskable {
    reason: "not well-formed XML",
};

impl FieldMask for Xml {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let text = std::str::from_utf8(value).map_err(|_| BAD)?;
        let start = out.len();
        Writer {
            rules: &self.rules,
            row,
            open: vec![self.rules.paths.root()],
            text: String::new(),
        }
        .document(text, out)?;
        self.rules.fits(&out[start..], BAD)?;
        Ok(Masked::Value)
    }
}

struct Writer<'a> {
    rules: &'a Rules,
    row: &'a Row<'a>,
    /// The places of the elements that are open, the root first.
    open: Vec<Spot>,
    /// The text since the last tag, without escapes.
    text: String,
}

impl Writer<'_> {
    fn document(mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut reader = Reader::from_str(text);
        loop {
            let event = reader.read_event().map_err(|_| BAD)?;
            match event {
                Event::Text(part) => self.text.push_str(&part.decode().map_err(|_| BAD)?),
                Event::CData(part) => self.text.push_str(&part.decode().map_err(|_| BAD)?),
                Event::GeneralRef(part) => {
                    let name = part.decode().map_err(|_| BAD)?;
                    match part.resolve_char_ref().map_err(|_| BAD)? {
                        Some(character) => self.text.push(character),
                        None => self
                            .text
                            .push_str(resolve_predefined_entity(&name).ok_or(BAD)?),
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::DocType(_) => {
                    return Err(Unmaskable {
                        reason: "XML with a document type, whose entities may hide texts",
                    });
                }
                Event::Decl(declaration) => {
                    out.extend_from_slice(b"<?");
                    out.extend_from_slice(&declaration);
                    out.extend_from_slice(b"?>");
                }
                Event::Start(tag) => {
                    self.flush(out);
                    let spot = self.tag(&tag, out)?;
                    out.push(b'>');
                    self.open.push(spot);
                }
                Event::Empty(tag) => {
                    self.flush(out);
                    self.tag(&tag, out)?;
                    out.extend_from_slice(b"/>");
                }
                Event::End(tag) => {
                    self.flush(out);
                    self.open.pop();
                    out.extend_from_slice(b"</");
                    out.extend_from_slice(tag.name().as_ref());
                    out.push(b'>');
                }
                Event::Eof => break,
            }
        }
        self.flush(out);
        if self.open.len() == 1 {
            Ok(())
        } else {
            Err(BAD)
        }
    }

    /// Writes the text before a tag. White space alone is form and stays.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(spot) = self.open.last().copied() {
            let text = std::mem::take(&mut self.text);
            if text.trim().is_empty() {
                out.extend_from_slice(text.as_bytes());
            } else {
                self.masked(spot, &text, out);
            }
        }
    }

    fn masked(&self, spot: Spot, text: &str, out: &mut Vec<u8>) {
        let start = out.len();
        if self.rules.leaf(spot).text(text, self.row, out) == Masked::Null {
            out.truncate(start);
            return;
        }
        let plain = |byte: &u8| !b"<>&'\"".contains(byte);
        if !out[start..].iter().all(plain) {
            let escaped = escape(String::from_utf8_lossy(&out[start..])).into_owned();
            out.truncate(start);
            out.extend_from_slice(escaped.as_bytes());
        }
    }

    /// Writes a tag up to its end; where its element stands.
    fn tag(&self, tag: &BytesStart<'_>, out: &mut Vec<u8>) -> Result<Spot, Unmaskable> {
        let above = self.open.last().copied().ok_or(BAD)?;
        let name = tag.name();
        let text = std::str::from_utf8(name.as_ref()).map_err(|_| BAD)?;
        let spot = self.rules.paths.key(above, text);
        out.push(b'<');
        out.extend_from_slice(text.as_bytes());
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| BAD)?;
            let key = std::str::from_utf8(attribute.key.as_ref()).map_err(|_| BAD)?;
            out.push(b' ');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"=\"");
            if key == "xmlns" || key.starts_with("xmlns:") {
                // The name of a vocabulary.
                let raw = std::str::from_utf8(&attribute.value).map_err(|_| BAD)?;
                out.extend_from_slice(raw.replace('"', "&quot;").as_bytes());
            } else {
                let raw = std::str::from_utf8(&attribute.value).map_err(|_| BAD)?;
                let value = quick_xml::escape::unescape(raw).map_err(|_| BAD)?;
                let place = self.rules.paths.key(spot, &format!("@{key}"));
                self.masked(place, &value, out);
            }
            out.push(b'"');
        }
        Ok(spot)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked_in, refusal, text};

    const RULE: &str = r#"{ xml = { "/person/email" = "email", "/person/@id" = "keep", "/person/prefs/*" = "keep", "/person/gone" = "null", "/person/a:n" = { constant = "<1>" } } }"#;

    #[test]
    fn texts_and_attributes_follow_their_paths_and_all_else_is_denied() {
        let mask = mask(RULE, "xml");
        let out = text(
            &mask,
            "<?xml version=\"1.0\" standalone=\"yes\"?><person id='7' name=\"An&quot;na\" xmlns:a=\"urn:x\"><!-- Anna -->\n  \
             <email>an<![CDATA[na]]>&#64;b.example</email><prefs><lang>de &amp; en</lang></prefs>\
             <gone>1</gone><a:n>5</a:n><note><b>Bob</b> rang</note><?p Anna?><x/></person>",
        );
        let email = text(
            &super::super::tests_support::mask("\"email\"", "text"),
            "anna@b.example",
        );
        assert_eq!(
            out,
            format!(
                "<?xml version=\"1.0\" standalone=\"yes\"?><person id=\"7\" name=\"***\" xmlns:a=\"urn:x\">\n  \
                 <email>{email}</email><prefs><lang>de &amp; en</lang></prefs>\
                 <gone></gone><a:n>&lt;1&gt;</a:n><note><b>***</b>***</note><x/></person>"
            )
        );
        assert_eq!(text(&mask, "plain content"), "***");
    }

    #[test]
    fn what_is_not_well_formed_or_hides_text_is_refused() {
        let mask = mask(RULE, "xml");
        for bad in [
            "<a>",
            "<a></b>",
            "</a>",
            "<a b></a>",
            "<a>&bob;</a>",
            "<!DOCTYPE a [<!ENTITY b \"Bob\">]><a>&b;</a>",
        ] {
            assert!(masked_in(&mask, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(
            refusal(r#"{ xml = { "person" = "keep" } }"#, &facts("xml"))
                .contains("path \"person\"")
        );
        assert!(refusal(RULE, &facts("jsonb")).contains("does not work on jsonb"));
    }

    proptest! {
        #[test]
        fn no_text_survives_and_the_form_does(names in prop::collection::vec("[a-z]{1,6}", 1..6), word in "[A-Z]{5,9}") {
            let mask = mask("{ xml = {} }", "xml");
            let mut input = word.clone();
            for name in &names {
                input = format!("<{name} at=\"{word}\">{input}<!-- {word} --></{name}>");
            }
            let out = text(&mask, &input);
            prop_assert!(!out.contains(&word));
            prop_assert_eq!(text(&mask, &out), out.clone());
            let wanted: usize = names.iter().map(|name| 2 * name.len() + 5 + 9).sum();
            prop_assert_eq!(out.len(), wanted + 3);
        }
    }
}
