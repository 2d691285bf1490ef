//! What single values look like.

mod checksum;
mod contact;
mod dictionary;
mod formats;
mod kind;
mod national;
mod prose;
mod secret;
mod words;

pub(super) use formats::year;
pub(super) use kind::{Kind, kinds};
pub(super) use national::{COUNTRIES, national};
