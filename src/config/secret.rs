//! Reads a secret from where its reference says.

use secrecy::SecretString;

use super::Config;
use super::span::SecretRef;
use crate::error::{Error, Kind, Result};
use crate::vault::{Command, EnvironmentVariable, File, SecretProvider};

impl Config {
    /// Reads the secret, now. Relative paths begin at the project's folder.
    ///
    /// # Errors
    /// [`Kind::SecretUnavailable`]; the message names the place, never the secret.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString> {
        let provider: Box<dyn SecretProvider> = match reference {
            SecretRef::Literal(text) => return Ok(SecretString::from(text.clone())),
            SecretRef::Env(name) => Box::new(EnvironmentVariable {
                name: name.clone(),
                value: std::env::var(name).ok().map(SecretString::from),
            }),
            SecretRef::File(path) => Box::new(File {
                path: self.root.join(path),
            }),
            SecretRef::Command(words) => Box::new(Command {
                words: words.clone(),
            }),
            SecretRef::Vault(address) => {
                return Err(Error::new(
                    Kind::SecretUnavailable,
                    format!("the vault {address} cannot be asked by this version"),
                )
                .hint("use { command = [...] } with the vault's own command line"));
            }
        };
        provider.read().await
    }
}
