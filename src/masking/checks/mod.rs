//! Validators of numbers that carry a check: cards, IBANs, national ids. Used by masks, which keep
//! their output valid, and by the scanner, which recognizes values by them.

mod card;
mod iban;
mod layout;
mod national;
mod national_rules;

pub use card::{Brand, card_brand, is_card, is_luhn, luhn_digit};
pub use iban::{iban_check_digits, iban_length, is_iban};
pub use layout::{Field, Layout};
pub use national::{MAX_ID, NATIONAL_IDS, NationalId, is_national_id, national_ids_of};
