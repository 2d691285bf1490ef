//! Objects of the catalog that the policy allows to be carried as they are.

use crate::masking::Allowed;

/// The names that are allowed for a channel of the catalog.
pub(super) fn allowed_list<'a>(channel: &str, allow: &'a Allowed) -> &'a [String] {
    match channel {
        "comments" => &allow.comments,
        "defaults" | "type defaults" => &allow.defaults,
        "functions" | "views" | "constraints" | "rules" => &allow.bodies,
        _ => &[],
    }
}

/// Whether the policy means the object that `pg_describe_object` describes by `title`.
pub(super) fn is_allowed(list: &[String], title: &str) -> bool {
    !list.is_empty() && names(title).iter().any(|name| Allowed::permits(list, name))
}

/// The names of an object in a policy: `column email of table public.users` is `users.email`;
/// a constraint of a table is meant by its own name, too.
fn names(title: &str) -> Vec<String> {
    let bare = ["comment on ", "default of "]
        .iter()
        .find_map(|prefix| title.strip_prefix(prefix))
        .unwrap_or(title);
    let bare = bare.split('(').next().unwrap_or(bare).trim_end();
    let last = |text: &str| {
        let word = text.rsplit(' ').next().unwrap_or(text).replace('"', "");
        word.strip_prefix("public.").unwrap_or(&word).to_owned()
    };
    let pair = [" of ", " on "]
        .iter()
        .find_map(|between| bare.split_once(between));
    match pair {
        Some((member, owner)) if member.starts_with("column ") => {
            vec![format!("{}.{}", last(owner), last(member))]
        }
        Some((member, owner)) => {
            vec![format!("{}.{}", last(owner), last(member)), last(member)]
        }
        None => vec![last(bare)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_become_the_names_of_policies() {
        for (title, list) in [
            ("comment on table public.users", vec!["users"]),
            (
                "comment on column email of table public.users",
                vec!["users.email"],
            ),
            ("comment on table shop.users", vec!["shop.users"]),
            (
                "default of column email of table public.users",
                vec!["users.email"],
            ),
            ("function public.notify(integer, text)", vec!["notify"]),
            ("view public.people", vec!["people"]),
            ("constraint c on table public.users", vec!["users.c", "c"]),
        ] {
            assert_eq!(names(title), list, "{title}");
        }
        assert!(is_allowed(
            &["user*".to_owned()],
            "comment on table public.users"
        ));
        assert!(!is_allowed(
            &["users".to_owned()],
            "comment on table shop.users"
        ));
        assert!(!is_allowed(&[], "comment on table public.users"));
    }
}
