//! Values that are written as strings: lengths of time and references to secrets.

use std::time::Duration as Std;

use schemars::JsonSchema;
use serde::Deserialize;

/// A length of time, written as `500ms`, `30s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Duration(pub(super) Std);

impl TryFrom<String> for Duration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self)
    }
}

/// Reads `500ms`, `30s`, `15m`, `24h`, `7d`; a bare number means seconds.
///
/// # Errors
/// A sentence, when it is none of these.
pub fn parse_duration(text: &str) -> Result<Std, String> {
    let wrong = || format!("\"{text}\" is not a duration such as 30m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match &text[digits.len()..] {
        "ms" => return Ok(Std::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .map(Std::from_secs)
        .ok_or_else(wrong)
}

/// Where a secret is kept. Only the reference is ever printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub enum SecretRef {
    /// The value itself; never a password.
    Literal(String),
    /// A variable of the environment.
    Env(String),
    /// A file; a newline at its end is not part of the secret.
    File(String),
    /// A command that prints it.
    Command(Vec<String>),
    /// A vault's own address.
    Vault(String),
}

/// The ways to write a reference.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    Text(String),
    Env(Env),
    File(FileRef),
    Command(CommandRef),
    Vault(Vault),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Env {
    env: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileRef {
    file: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommandRef {
    command: Words,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Vault {
    vault: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Words {
    One(String),
    List(Vec<String>),
}

impl From<Written> for SecretRef {
    fn from(written: Written) -> Self {
        let shell = |text: &str| vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()];
        match written {
            Written::Env(reference) => Self::Env(reference.env),
            Written::File(reference) => Self::File(reference.file),
            Written::Command(CommandRef {
                command: Words::One(text),
            }) => Self::Command(shell(&text)),
            Written::Command(CommandRef {
                command: Words::List(words),
            }) => Self::Command(words),
            Written::Vault(reference) => Self::Vault(reference.vault),
            Written::Text(text) => match text.split_once(':') {
                Some(("env", name)) => Self::Env(name.to_owned()),
                Some(("file", path)) => Self::File(path.to_owned()),
                Some(("command", line)) => Self::Command(shell(line)),
                _ => Self::Literal(text),
            },
        }
    }
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("a connection string in the file"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Command(words) => {
                write!(f, "command:{}", words.first().map_or("", String::as_str))
            }
            Self::Vault(address) => write!(f, "vault:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("24h"), Ok(Std::from_secs(86_400)));
        assert_eq!(parse_duration("500ms"), Ok(Std::from_millis(500)));
        for wrong in ["", "h", "1 h", "-1s", "1y", "99999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn references_in_short_form() {
        let read = |text: &str| SecretRef::from(Written::Text(text.to_owned()));
        assert_eq!(read("env:URL"), SecretRef::Env("URL".to_owned()));
        assert_eq!(
            read("postgresql:///db"),
            SecretRef::Literal("postgresql:///db".to_owned())
        );
    }
}
