//! Facts that invented data keeps: which given names are a woman's and which a man's, which postal
//! code, region and country belong to a city. Masks and generators share them.

mod given;
mod places;

pub use given::{Given, given};
pub use places::{COUNTRIES, Country, PlacePart, Places, country};
