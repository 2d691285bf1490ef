//! Shapes of the plane, and vectors.

use std::fmt::Write as _;

use super::Form;
use crate::generate::source::numbered::Spell;
use crate::generate::stream::stir;

/// Places on a grid of hundredths, -180 to 180 by -90 to 90: as degrees they are on Earth.
const WIDE: u64 = 36_000;
const HIGH: u64 = 18_000;
const SIZE: u64 = WIDE * HIGH;

/// A coordinate in hundredths.
#[derive(Clone, Copy)]
struct Hundredths(i64);

impl std::fmt::Display for Hundredths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", all / 100, all % 100)
    }
}

/// The place of a number, moved by some hundredths.
fn at(number: u64, right: i64, up: i64) -> (Hundredths, Hundredths) {
    let x = (number % WIDE) as i64 - (WIDE / 2) as i64;
    let y = (number / WIDE) as i64 - (HIGH / 2) as i64;
    (Hundredths(x + right), Hundredths(y + up))
}

/// From 0.01 to 10.
fn distance(number: u64) -> i64 {
    (stir(number) % 1000) as i64 + 1
}

pub(super) fn form(name: &str, modifiers: &str) -> Option<Form> {
    let write: fn(u64, &mut String) = match name {
        "point" => |number, out| {
            let (x, y) = at(number, 0, 0);
            let _ = write!(out, "({x},{y})");
        },
        // Not upright and not level: neither of the first two is 0.
        "line" => |number, out| {
            let _ = write!(out, "{{{},{},{}}}", number % WIDE + 1, -1, number / WIDE);
        },
        "lseg" => |number, out| corners(number, '[', ']', out),
        "path" => |number, out| corners(number, '[', ']', out),
        "box" => |number, out| {
            let ((x, y), far) = (at(number, 0, 0), distance(number));
            let (right, up) = at(number, far, far);
            let _ = write!(out, "({right},{up}),({x},{y})");
        },
        "polygon" => |number, out| {
            let ((x, y), far) = (at(number, 0, 0), distance(number));
            let ((right, _), (_, up)) = (at(number, far, 0), at(number, 0, far));
            let _ = write!(out, "(({x},{y}),({right},{y}),({x},{up}))");
        },
        "circle" => |number, out| {
            let ((x, y), far) = (at(number, 0, 0), Hundredths(distance(number)));
            let _ = write!(out, "<({x},{y}),{far}>");
        },
        "cube" => |number, out| {
            let (x, y) = at(number, 0, 0);
            let _ = write!(out, "({x}, {y})");
        },
        "geometry" | "geography" => return spatial(name, modifiers),
        _ => return None,
    };
    Some(Form { size: SIZE, write })
}

fn corners(number: u64, open: char, close: char, out: &mut String) {
    let ((x, y), far) = (at(number, 0, 0), distance(number));
    let (right, up) = at(number, far, far);
    let _ = write!(out, "{open}({x},{y}),({right},{up}){close}");
}

/// PostGIS: points, in the system of coordinates that the column demands when it is that of GPS or
/// none.
fn spatial(name: &str, modifiers: &str) -> Option<Form> {
    let mut parts = modifiers.split(',').map(str::trim);
    let shape = parts.next().unwrap_or_default();
    if !(shape.is_empty()
        || shape.eq_ignore_ascii_case("point")
        || shape.eq_ignore_ascii_case("geometry"))
    {
        return None;
    }
    let write: fn(u64, &mut String) = match parts.next() {
        Some("4326") => |number, out| {
            let (x, y) = at(number, 0, 0);
            let _ = write!(out, "SRID=4326;POINT({x} {y})");
        },
        Some(known) if known != "0" && name == "geometry" => return None,
        _ => |number, out| {
            let (x, y) = at(number, 0, 0);
            let _ = write!(out, "POINT({x} {y})");
        },
    };
    Some(Form { size: SIZE, write })
}

/// pgvector: numbers from -1 to 1.
#[derive(Debug)]
pub(super) struct Vector {
    dimensions: u32,
}

impl Vector {
    pub(super) fn new(modifiers: &str) -> Option<Self> {
        let dimensions = match modifiers.trim() {
            "" => 3,
            number => number.parse().ok()?,
        };
        (dimensions > 0).then_some(Self { dimensions })
    }
}

impl Spell for Vector {
    fn size(&self) -> u64 {
        2001_u64
            .checked_pow(self.dimensions.min(5))
            .unwrap_or(u64::MAX)
    }

    fn spell(&self, number: u64, out: &mut String) {
        let mut rest = number;
        out.push('[');
        for place in 0..self.dimensions {
            let digit = if place < 5 {
                rest % 2001
            } else {
                stir(number ^ u64::from(place)) % 2001
            };
            rest /= 2001;
            let thousandths = digit as i64 - 1000;
            let comma = if place == 0 { "" } else { "," };
            let _ = write!(out, "{comma}{}", thousandths as f64 / 1000.0);
        }
        out.push(']');
    }

    fn length(&self) -> usize {
        8 * self.dimensions as usize
    }
}
