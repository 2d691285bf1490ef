//! Who runs this process.

use crate::governance::AuditEvent;

/// Who runs this process, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The person or the pipeline that is answerable; the user of the system when nobody is named.
    pub actor: String,
    /// User of the operating system.
    pub os_user: String,
    /// Name of this machine.
    pub host: String,
}

impl Operator {
    /// The operator of this process. `actor` comes from the configuration.
    #[must_use]
    pub fn of_process(actor: Option<&str>) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let os_user = std::fs::read_to_string("/etc/passwd")
            .ok()
            .and_then(|passwd| name_of(uid, &passwd))
            .unwrap_or_else(|| format!("uid {uid}"));
        Self {
            actor: actor.unwrap_or(&os_user).to_owned(),
            os_user,
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// An event of this operator.
    #[must_use]
    pub fn event(&self, environment: &str, action: &str, detail: serde_json::Value) -> AuditEvent {
        AuditEvent {
            actor: self.actor.clone(),
            os_user: self.os_user.clone(),
            host: self.host.clone(),
            environment: environment.to_owned(),
            action: action.to_owned(),
            detail,
        }
    }
}

/// The name of a user in a file of the form of passwd(5).
fn name_of(uid: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_by_their_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# a remark\nci:x:1001:1001::/:/bin/sh\n";
        assert_eq!(name_of(1001, passwd).as_deref(), Some("ci"));
        assert_eq!(name_of(100, passwd), None);
    }

    #[test]
    fn the_user_answers_when_nobody_is_named() {
        let operator = Operator::of_process(None);
        assert_eq!(operator.actor, operator.os_user);
        assert!(!operator.host.is_empty());
        assert_eq!(Operator::of_process(Some("release-42")).actor, "release-42");
    }
}
