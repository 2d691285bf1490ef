//! Searches cells and texts, and writes down what it finds.

use std::sync::Arc;

use super::findings::{Findings, Found};
use crate::masking::leak::{
    CellKind, Decoder, Expectation, Filter, FormKind, LiveThings, MAX_DIGITS, Searcher, Token,
};

/// What is sought in a pass.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    pub(super) filter: Arc<Filter>,
    /// Live addresses and tokens; sought in one pass only.
    pub(super) live: Option<Arc<LiveThings>>,
}

/// Searches one cell after the other; not shared between threads.
#[derive(Debug)]
pub(super) struct Scanner {
    sought: Sought,
    decoder: Decoder,
    searcher: Searcher,
    pub(super) findings: Findings,
}

impl Scanner {
    pub(super) fn new(sought: &Sought) -> Self {
        Self {
            sought: sought.clone(),
            decoder: Decoder::default(),
            searcher: Searcher::default(),
            findings: Findings::default(),
        }
    }

    /// Searches a cell of COPY's text format at the place of that number.
    pub(super) fn cell(
        &mut self,
        raw: &[u8],
        kind: CellKind,
        (place, expects): (u32, Expectation),
    ) {
        let Self {
            sought,
            decoder,
            searcher,
            findings,
        } = self;
        decoder.cell(raw, kind, &mut |text| {
            if kind == CellKind::Bytes {
                searcher.tokens.extend(Token::of_bytes(text));
            }
            look(sought, searcher, findings, (text, place, expects));
        });
        self.end_of_cell((place, expects));
    }

    /// Searches a text.
    pub(super) fn text(&mut self, text: &[u8], at: (u32, Expectation)) {
        self.value(text, CellKind::Plain, at);
    }

    /// Searches a value: its text, or bytes that are searched as they are.
    pub(super) fn value(
        &mut self,
        text: &[u8],
        kind: CellKind,
        (place, expects): (u32, Expectation),
    ) {
        let Self {
            sought,
            decoder,
            searcher,
            findings,
        } = self;
        findings.bytes += text.len() as u64;
        if kind == CellKind::Bytes {
            searcher.tokens.extend(Token::of_bytes(text));
        }
        decoder.value(text, kind, &mut |text| {
            look(sought, searcher, findings, (text, place, expects));
        });
        self.end_of_cell((place, expects));
    }

    /// Notes bytes that may be a digest.
    pub(super) fn digest(&mut self, bytes: &[u8], at: (u32, Expectation)) {
        self.searcher.tokens.extend(Token::of_bytes(bytes));
        self.end_of_cell(at);
    }

    fn end_of_cell(&mut self, (place, expects): (u32, Expectation)) {
        for token in self.searcher.tokens.drain(..) {
            if expects.guards_digests() && self.sought.live.is_some() {
                self.findings.tokens.add(token, place);
            }
        }
        let probes = &mut self.searcher.probes;
        if probes.iter().any(|count| *count > 0) {
            let all = self
                .findings
                .probes
                .entry(place)
                .or_insert([0; MAX_DIGITS + 1]);
            for (all, new) in all.iter_mut().zip(probes.iter_mut()) {
                *all += std::mem::take(new);
            }
        }
    }
}

fn look(
    sought: &Sought,
    searcher: &mut Searcher,
    findings: &mut Findings,
    (text, place, expects): (&[u8], u32, Expectation),
) {
    let filter = &*sought.filter;
    searcher.search(filter, text, &mut |hit| {
        if expects.allows(hit.class) {
            findings.allow(hit.hash);
            return;
        }
        findings.count((place, hit.hash), hit.class, || Found {
            class: hit.class,
            kind: hit.kind,
            digits: hit.digits,
            exact: filter
                .key()
                .exact(exact_kind(hit.kind), &hit.canonical(text)),
            count: 1,
        });
    });
    if let Some(live) = &sought.live {
        live.look(text, &mut |kind| {
            *findings.live.entry((place, kind)).or_default() += 1;
        });
    }
}

/// Words and compact forms are confirmed alike: both are sought as words.
pub(super) fn exact_kind(kind: FormKind) -> u8 {
    u8::from(kind == FormKind::Digits)
}
