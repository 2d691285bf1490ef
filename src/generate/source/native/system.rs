//! Types that PostgreSQL keeps for its own.

use std::fmt::Write as _;

use super::Form;

const CLASSES: [&str; 4] = ["pg_class", "pg_type", "pg_proc", "pg_attribute"];
const TYPES: [&str; 4] = ["integer", "text", "boolean", "numeric"];
const SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];

pub(super) fn form(name: &str) -> Option<Form> {
    let (size, write): (u64, fn(u64, &mut String)) = match name {
        "pg_lsn" => (1 << 48, |number, out| {
            let _ = write!(out, "{:X}/{:X}", number >> 32, number & 0xffff_ffff);
        }),
        "xid" | "cid" => (1 << 31, decimal),
        "xid8" => (1 << 62, decimal),
        "refcursor" => (1 << 40, |number, out| {
            let _ = write!(out, "cursor {number}");
        }),
        "tid" => (1 << 31, |number, out| {
            let _ = write!(out, "({number},1)");
        }),
        "pg_snapshot" | "txid_snapshot" => (1 << 40, |number, out| {
            let _ = write!(out, "{0}:{0}:", number + 1);
        }),
        "int2vector" => (1 << 15, decimal),
        "oidvector" => (1 << 31, decimal),
        "regclass" => (4, |number, out| name_of(&CLASSES, number, out)),
        "regtype" => (4, |number, out| name_of(&TYPES, number, out)),
        "regnamespace" => (2, |number, out| name_of(&SCHEMAS, number, out)),
        // Of a range type of the schema's own only the name is known here.
        name if name.ends_with("multirange") => (1, |_, out| out.push_str("{}")),
        _ => return None,
    };
    Some(Form { size, write })
}

fn decimal(number: u64, out: &mut String) {
    let _ = write!(out, "{number}");
}

fn name_of(names: &[&str], number: u64, out: &mut String) {
    out.push_str(names.get(number as usize).copied().unwrap_or_default());
}
