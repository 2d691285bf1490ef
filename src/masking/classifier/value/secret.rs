//! Passwords, tokens, keys.

/// A token whose form says what it is: a JWT, a key of a known service, a private key.
pub(super) fn is_token(value: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "-----BEGIN",
        "sk_live_",
        "sk_test_",
        "rk_live_",
        "whsec_",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "AKIA",
        "ASIA",
        "AIza",
        "ya29.",
        "SG.",
        "npm_",
        "ssh-rsa ",
        "ssh-ed25519 ",
    ];
    let jwt = value.starts_with("eyJ") && value.matches('.').count() == 2 && value.len() > 30;
    jwt || value.len() >= 16 && PREFIXES.iter().any(|prefix| value.starts_with(prefix))
}

/// The hash of a password in one of the usual notations.
pub(super) fn is_password_hash(value: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "$2a$",
        "$2b$",
        "$2y$",
        "$argon2",
        "$1$",
        "$5$",
        "$6$",
        "$y$",
        "$P$",
        "$H$",
        "$pbkdf2",
        "pbkdf2_",
        "pbkdf2:",
        "bcrypt$",
        "bcrypt_sha256$",
        "argon2$",
        "scrypt:",
        "$scrypt$",
        "sha1$",
        "md5$",
        "{SSHA",
        "{SHA",
        "{CRYPT}",
        "{bcrypt}",
        "SCRAM-SHA-",
    ];
    value.len() >= 20 && PREFIXES.iter().any(|prefix| value.starts_with(prefix))
}

/// 32 hexadecimal digits or more, letters among them.
pub(super) fn is_long_hex(value: &str) -> bool {
    let bare = value.strip_prefix("\\x").unwrap_or(value);
    bare.len() >= 32
        && bare.len().is_multiple_of(2)
        && bare.bytes().all(|b| b.is_ascii_hexdigit())
        && bare.bytes().any(|b| b.is_ascii_alphabetic())
        && bare.bytes().any(|b| b.is_ascii_digit())
}

/// Letters and digits in which no word can be: 20 or more with as much information a letter as
/// random text has.
pub(super) fn is_random(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    value.len() >= 20
        && value.bytes().all(allowed)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && entropy(value.as_bytes()) > 3.6
}

/// Shannon's entropy, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_looks_alike() {
        assert!(is_token(
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZw"
        ));
        assert!(is_password_hash("pbkdf2_sha256$600000$c2FsdA$aGFzaGhhc2g"));
        assert!(is_long_hex("d41d8cd98f00b204e9800998ecf8427e"));
        assert!(is_random("Zk9xQ2w7Ry1LpV0tWm3Nb8"));
        assert!(!is_random("a-perfectly-normal-slug-of-a-page"));
        assert!(!is_long_hex("12345678901234567890123456789012"));
        assert!(!is_token("just a sentence that says something"));
    }
}
