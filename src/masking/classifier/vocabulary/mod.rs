//! Words that name personal data, by theme; one phrase stands for every way to write it
//! (`firstname`: `first_name`, `firstName`, `FIRST-NAME`). Without accents, in English, German,
//! French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish and some of their neighbours.

mod contact;
mod context;
mod identity;
mod lookup;
mod person;
mod sensitive;
mod web;

pub(super) use context::{
    HARMLESS_TAILS, HEADS_FIRST, LISTS, MEDICAL, MESSAGES, NEUTRAL_HEADS, NEUTRAL_TAILS,
    ORGANISATIONS, PERSONS, PROFILES, SEARCHES, SECRETS, TABLE_NOISE, THINGS, UPLOADS,
};
pub(super) use lookup::{Phrase, Weight, is_in, phrase};
