//! What a staging database must not be able to do: write to people, call real services.

use std::sync::LazyLock;

use regex::bytes::RegexSet;

/// Something that works outside of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LiveKind {
    /// An e-mail address that a mail server would deliver to.
    Address,
    /// A key, token or webhook of a real service.
    Token,
}

impl LiveKind {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "deliverable address",
            Self::Token => "live token",
        }
    }
}

/// Shapes of credentials that their issuers document, and addresses that are credentials by
/// themselves.
const TOKENS: &[&str] = &[
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\b[srp]k_live_[0-9a-zA-Z]{10,}",
    r"\bwhsec_[0-9a-zA-Z]{16,}",
    r"\bgh[pousr]_[0-9A-Za-z]{30,}",
    r"\bgithub_pat_[0-9A-Za-z_]{30,}",
    r"\bglpat-[0-9A-Za-z_-]{20,}",
    r"\bxox[abposr]-[0-9A-Za-z-]{10,}",
    r"\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\bnpm_[0-9A-Za-z]{30,}",
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY",
    r"https://hooks\.slack\.com/(?:services|workflows)/",
    r"https://(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/",
    r"https://[0-9A-Za-z.-]+\.webhook\.office\.com/",
    r"https://hooks\.zapier\.com/hooks/",
    r"\bAccountKey=[0-9A-Za-z+/]{40,}",
];

/// Domains that nobody receives mail at (RFC 2606, RFC 6761).
const RESERVED: &[&str] = &[
    "example",
    "invalid",
    "test",
    "localhost",
    "example.com",
    "example.net",
    "example.org",
];

/// Looks for live things in texts.
#[derive(Debug, Clone, Default)]
pub struct LiveThings {
    safe: Vec<String>,
}

impl LiveThings {
    /// Domains that are safe besides the reserved ones, with everything below them.
    #[must_use]
    pub fn new(safe_domains: &[String]) -> Self {
        Self {
            safe: safe_domains
                .iter()
                .map(|domain| domain.trim_start_matches('@').to_lowercase())
                .collect(),
        }
    }

    /// Calls `found` once for each kind that `text` holds.
    pub fn look(&self, text: &[u8], found: &mut dyn FnMut(LiveKind)) {
        static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(TOKENS).ok());
        if memchr::memchr_iter(b'@', text).any(|at| self.delivers(text, at)) {
            found(LiveKind::Address);
        }
        if text.len() >= 16 && SET.as_ref().is_some_and(|set| set.is_match(text)) {
            found(LiveKind::Token);
        }
    }

    /// Whether the @ at `at` stands in an address that a mail server would deliver to.
    fn delivers(&self, text: &[u8], at: usize) -> bool {
        let local = at
            .checked_sub(1)
            .is_some_and(|i| text[i].is_ascii_alphanumeric() || b"_-+.%\"'".contains(&text[i]));
        let rest = &text[at + 1..];
        let end = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b".-".contains(byte)))
            .unwrap_or(rest.len());
        let domain = String::from_utf8_lossy(&rest[..end]).to_lowercase();
        let domain = domain.trim_matches(['.', '-']);
        let Some((_, top)) = domain.rsplit_once('.') else {
            return false;
        };
        let real_top = top.len() >= 2
            && (top.bytes().all(|byte| byte.is_ascii_alphabetic()) || top.starts_with("xn--"));
        let within = |safe: &str| {
            domain
                .strip_suffix(safe)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        local
            && real_top
            && !RESERVED.iter().any(|safe| within(safe))
            && !self.safe.iter().any(|safe| within(safe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(text: &str) -> Vec<LiveKind> {
        let mut all = Vec::new();
        LiveThings::new(&["safe.shop.de".to_owned()])
            .look(text.as_bytes(), &mut |kind| all.push(kind));
        all
    }

    #[test]
    fn reserved_and_configured_domains_deliver_nothing() {
        for text in [
            "a@example.com",
            "a@mail.example.org",
            "a@shop.test",
            "a@b.invalid",
            "a@x.safe.shop.de",
            "a@safe.shop.de.",
            "@handle",
            "12 @ 3.50",
            "a@localhost",
            "user@1.2",
        ] {
            assert_eq!(looks(text), [], "{text}");
        }
        for text in [
            "a@shop.de",
            "x <a.b+c@gmail.com>, y",
            "a@notexample.com",
            "a@unsafe.shop.de",
            "a@example.com, b@gmx.net",
        ] {
            assert_eq!(looks(text), [LiveKind::Address], "{text}");
        }
    }

    #[test]
    fn tokens_are_told_by_their_shape() {
        // Put together here, so that no scanner of repositories takes them for real ones.
        let long = "Aa0Bb1Cc2Dd3Ee4Ff5Gg6Hh7Ii8Jj9Kk0Ll1Mm2";
        for text in [
            format!("AKI{}", "AIOSFODNN7EXAMPLE"),
            format!("sk_{}{}", "live_", &long[..24]),
            format!("ghp{}{}", "_", &long[..36]),
            format!("xox{}{}", "b-", "123456789012-abcdefghij"),
            format!("-----BEGIN {}", "RSA PRIVATE KEY-----"),
            format!("https://hooks.slack{}", ".com/services/T0/B0/x"),
            format!("eyJ{0}.eyJ{0}.{0}", &long[..16]),
        ] {
            assert_eq!(looks(&text), [LiveKind::Token], "{text}");
        }
        assert_eq!(looks("sk_test_ and eyJ and an AKIA of no length"), []);
    }
}
