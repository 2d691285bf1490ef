//! Where each value comes from, and how it is shown: a secret as a reference, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::{File, RawEnvironment, RawPolicy, holds_password};
use super::schedule::{GRACE, RawSchedule};
use super::vars::object_stores;
use super::{Config, Environment, SecretRef, Setting};

/// Where a value comes from that nobody has named.
const DEFAULT: &str = "default";
const FILE: &str = "file";
/// Where the tier decides what nobody has named.
const TIER: &str = "tier";
/// What stands for a value that may hold a secret.
const HIDDEN: &str = "(hidden)";
/// The settings of object stores that are shown; each of the others may be a credential.
const OPEN: [&str; 9] = [
    "region",
    "endpoint",
    "endpoint_url",
    "bucket",
    "bucket_name",
    "container_name",
    "account_name",
    "allow_http",
    "virtual_hosted_style_request",
];

impl Config {
    /// Notes where the values that belong to no environment come from.
    pub(super) fn note_file(&mut self, file: &File) {
        let (project, path) = (self.project.clone(), self.search_path.join(", "));
        let migrations = self.migrations_dir().display().to_string();
        self.note("project", project, from(file.project.is_some(), DEFAULT));
        self.note(
            "search_path",
            path,
            from(file.search_path.is_some(), DEFAULT),
        );
        let named = from(file.migrations.is_some(), DEFAULT);
        self.note("migrations", migrations, named);
    }

    pub(super) fn note(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
        origin: &'static str,
    ) {
        self.settings.push(Setting {
            key: key.into(),
            value: value.into(),
            origin,
        });
    }

    /// Notes where the values of an environment come from.
    pub(super) fn note_environment(
        &mut self,
        environment: &Environment,
        raw: &RawEnvironment,
        file: &File,
    ) {
        let (name, tier) = (&environment.name, environment.tier);
        let key = |part: &str| format!("environments.{name}.{part}");
        let origin = |there: bool| from(there, TIER);
        let named = from(raw.tier.is_some(), DEFAULT);
        self.note(key("tier"), tier.to_string(), named);
        self.note(key("url"), environment.source(), origin(raw.url.is_some()));
        if let Some(password) = &raw.password {
            self.note(key("password"), reference(password), FILE);
        }
        let pool = environment.pool.to_string();
        self.note(key("pool"), pool, origin(raw.pool.is_some()));
        let level = environment.log_level.clone();
        self.note(key("log_level"), level, origin(raw.log_level.is_some()));
        self.note_switch(&key("allow_plaintext"), environment.allow_plaintext);
        if let Some(region) = &raw.region {
            self.note(key("region"), region, FILE);
        }
        let layers = [file.policy.get(&tier.to_string()), file.policy.get(name)];
        let layers: Vec<&RawPolicy> = layers.into_iter().flatten().collect();
        self.note_policy(environment, &layers);
    }

    fn note_policy(&mut self, environment: &Environment, layers: &[&RawPolicy]) {
        let (name, policy) = (&environment.name, &environment.policy);
        for layer in layers {
            for (rule, value) in [
                ("window", &layer.window),
                ("require_rehearsal_on", &layer.require_rehearsal_on),
            ] {
                if let Some(value) = value {
                    let value = format!("{value} (not enforced by this version)");
                    self.note(format!("policy.{name}.{rule}"), value, FILE);
                }
            }
        }
        let named = |there: fn(&RawPolicy) -> bool| layers.iter().any(|layer| there(layer));
        let rules = [
            (
                "approvals",
                policy.approvals.to_string(),
                named(|layer| layer.approvals.is_some()),
            ),
            (
                "soak",
                time(policy.soak),
                named(|layer| layer.soak.is_some()),
            ),
            (
                "lock_timeout",
                time(policy.lock_timeout),
                named(|layer| layer.lock_timeout.is_some()),
            ),
            (
                "lock_attempts",
                policy.lock_attempts.to_string(),
                named(|layer| layer.lock_attempts.is_some()),
            ),
        ];
        for (rule, value, named) in rules {
            self.note(format!("policy.{name}.{rule}"), value, from(named, TIER));
        }
    }

    /// Notes where the values of the other sections come from.
    pub(super) fn note_sections(&mut self, file: &File) {
        self.note_backup(file);
        let key = file.storage.key.is_some();
        let shown = reference(&self.seal_key());
        self.note("storage.key", shown, from(key, DEFAULT));
        let options = file.storage.options.iter();
        let options = options.map(|(name, value)| (name.clone(), (value.clone(), FILE)));
        let variables = object_stores().into_iter();
        // As a store takes them: a variable goes before the file.
        let all: BTreeMap<_, _> = options
            .chain(variables.map(|(name, value)| (name, (value, "flag or variable"))))
            .collect();
        for (name, (value, origin)) in all {
            let shown = option(&name, &value).to_owned();
            self.note(format!("storage.options.{name}"), shown, origin);
        }
        let url = file.control.url.as_ref();
        let shown = url.map_or_else(|| "the environment's own database".to_owned(), reference);
        self.note("control.url", shown, from(url.is_some(), DEFAULT));
        let dispatch = self.dispatch_to().to_string();
        let named = from(file.control.dispatch.is_some(), DEFAULT);
        self.note("control.dispatch", dispatch, named);
        let rate = self.max_rate();
        let shown = rate.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate} bytes/s"));
        self.note("copy.max_rate", shown, from(rate.is_some(), DEFAULT));
        let signers = match self.signers() {
            [] => "the project's own masking key".to_owned(),
            some => some.join(", "),
        };
        let named = from(!file.copy.signers.is_empty(), DEFAULT);
        self.note("copy.signers", signers, named);
        for schedule in &file.schedule {
            self.note_schedule(schedule);
        }
    }

    fn note_backup(&mut self, file: &File) {
        let Some(raw) = &file.backup else {
            return;
        };
        self.note("backup.repository", open(&raw.repository), FILE);
        let engine = self.backup().engine.clone();
        let named = from(engine.is_some(), DEFAULT);
        let engine = engine.unwrap_or_else(|| "native".to_owned());
        self.note("backup.engine", engine, named);
        self.note_switch("backup.encrypted_volume", raw.encrypted_volume);
        let keep = &raw.keep;
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        for (key, value) in [
            ("rto", raw.rto.map(|length| time(length.0))),
            ("rpo", raw.rpo.map(|length| time(length.0))),
            ("keep.count", number(keep.count)),
            ("keep.window", keep.window.map(|length| time(length.0))),
            ("keep.daily", number(keep.daily)),
            ("keep.weekly", number(keep.weekly)),
            ("keep.monthly", number(keep.monthly)),
            ("keep.yearly", number(keep.yearly)),
        ] {
            if let Some(value) = value {
                self.note(format!("backup.{key}"), value, FILE);
            }
        }
    }

    fn note_schedule(&mut self, raw: &RawSchedule) {
        let name = raw.name.as_ref().trim();
        let key = |part: &str| format!("schedule.{name}.{part}");
        self.note(key("cron"), raw.cron.as_ref(), FILE);
        self.note(key("run"), open(raw.run.as_ref()), FILE);
        let zone = raw.timezone.as_ref().map(|zone| zone.as_ref().as_str());
        let named = from(zone.is_some(), DEFAULT);
        self.note(key("timezone"), zone.unwrap_or("UTC"), named);
        let grace = raw.grace.map_or(GRACE, |grace| grace.0);
        let named = from(raw.grace.is_some(), DEFAULT);
        self.note(key("grace"), time(grace), named);
    }

    /// What is off unless the file says otherwise.
    fn note_switch(&mut self, key: &str, on: bool) {
        self.note(key, on.to_string(), from(on, DEFAULT));
    }
}

fn from(file: bool, otherwise: &'static str) -> &'static str {
    if file { FILE } else { otherwise }
}

/// Whole seconds, or milliseconds.
fn time(length: Duration) -> String {
    match length.subsec_millis() {
        0 => format!("{}s", length.as_secs()),
        _ => format!("{}ms", length.as_millis()),
    }
}

/// Where a secret is kept. One that stands in the file itself is not shown.
fn reference(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Literal(_) => HIDDEN.to_owned(),
        kept => kept.to_string(),
    }
}

/// A text, unless there is a password in it.
fn open(text: &str) -> &str {
    if holds_password(text) { HIDDEN } else { text }
}

/// A setting of an object store; the names begin with that of the store (`aws_region`).
fn option<'a>(name: &str, value: &'a str) -> &'a str {
    let name = name.to_lowercase();
    let ends = |end: &str| {
        let store = name.strip_suffix(end);
        store.is_some_and(|store| store.is_empty() || store.ends_with('_'))
    };
    if OPEN.into_iter().any(ends) {
        open(value)
    } else {
        HIDDEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_credential_is_not_shown() {
        for shown in ["aws_region", "aws_default_region", "AWS_ENDPOINT", "region"] {
            assert_eq!(option(shown, "x"), "x", "{shown}");
        }
        for hidden in [
            "aws_secret_access_key",
            "azure_storage_sas_key",
            "google_service_account",
            "unregion",
        ] {
            assert_eq!(option(hidden, "x"), HIDDEN, "{hidden}");
        }
        assert_eq!(option("aws_endpoint", "https://u:p@h"), HIDDEN);
        assert_eq!(reference(&SecretRef::Literal("x".to_owned())), HIDDEN);
        assert_eq!(time(Duration::from_millis(1500)), "1500ms");
    }
}
