//! The search for raw values: which values of a source identify somebody, a keyed filter of them,
//! and how any text is searched for them.
//!
//! Everything is a sequence of words (runs of letters and digits, case folded): `Miller, Ann`,
//! `ann  MILLER` and `{"name":"Ann Miller"}` all hold `ann miller`. Numbers are sought as digits,
//! whatever stands between their groups. The filter knows keyed hashes alone; its key is made for
//! one run and never stored. It has no false negatives: a hit is confirmed by a second look at the
//! source with an independent hash of 128 bits.
//!
//! Digests are sought in another way, see [`Tokens`].
//!
//! What it does not see: given and family name of one person in two cells or two JSON leaves; words
//! that a text search dictionary has cut to their stems; values inside of base64, compressed or
//! encrypted bytes; digests of several fields together, of other algorithms than MD5, SHA-1 and
//! SHA-256, or of values written in a way that [`Tokens::look_up`] does not try; a number written once with and once without its country's prefix; letters in
//! another Unicode normal form than at the source.

mod decision;
mod decode;
mod digest;
mod digits;
mod entry;
mod filter;
mod identifying;
mod key;
mod live;
mod multiset;
mod search;
mod words;

pub use decision::{Expectation, allowed_by_chance, coincides};
pub use decode::{CellKind, Decoder, unescape_copy};
pub use digest::{Token, Tokens, guessable};
pub use entry::Entry;
pub use filter::{Filter, FilterFull};
pub use identifying::{Form, FormKind, forms, identifies, person_forms};
pub use key::RunKey;
pub use live::{LiveKind, LiveThings};
pub use multiset::{FieldHash, MultisetSum, RowHash};
pub use search::{Hit, MAX_DIGITS, Searcher};
pub use words::canonical;
