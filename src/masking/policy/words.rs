//! Names of columns, made alike before rules by name look at them.

/// `emailAddress`, `E-Mail Address` and `EMAIL_ADDRESS` as `email_address`.
pub(super) fn normal(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    let mut letters = name.chars().peekable();
    while let Some(c) = letters.next() {
        if c.is_alphanumeric() {
            let next_is_lower = letters.peek().is_some_and(|next| next.is_lowercase());
            let hump = c.is_uppercase()
                && before.is_some_and(|b| {
                    b.is_lowercase() || b.is_numeric() || b.is_uppercase() && next_is_lower
                });
            if hump && !out.ends_with('_') {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        before = Some(c);
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_alike() {
        for (name, expected) in [
            ("email", "email"),
            ("emailAddress", "email_address"),
            ("E-Mail Address", "e_mail_address"),
            ("EMAIL_ADDRESS", "email_address"),
            ("userIPAddress", "user_ip_address"),
            ("IPAddress", "ip_address"),
            ("__first__name_", "first_name"),
            ("Straße2Nr", "straße2_nr"),
            ("customerID", "customer_id"),
        ] {
            assert_eq!(normal(name), expected);
        }
    }
}
