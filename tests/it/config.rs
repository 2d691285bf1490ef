//! M1: each environment has its own configuration and its own secrets, and no secret is printed.

use crate::support::{Cli, Database, Outcome, Project};

const SECRET: &str = "HUNTER2";

fn silent_about_the_secret(outcome: &Outcome) {
    assert!(!outcome.stdout.contains(SECRET), "{}", outcome.stdout);
    assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);
}

#[test]
fn m1_a_password_in_the_file_is_refused_and_never_printed() {
    let lines = [
        "url = \"postgres://u:HUNTER2@h/db\"",
        "url = \"postgres://u:HUNTER2/x@h/db\"",
        "url = \"host=h password = HUNTER2\"",
        "url = \"postgres://h/db?password=HUNTER2\"",
        "url = \"postgres:///db\"\npassword = \"HUNTER2\"",
        "pasword = \"HUNTER2\"",
        "url = \"postgres://u:HUNTER2@h/db",
        "url = { env = \"A\", pasword = \"HUNTER2\" }",
        "tier = \"\"\"\nHUNTER2\"\"\"",
        "pool = \"HUNTER2\"",
    ];
    for line in lines {
        let project = Project::with_config(&format!("version = 1\n[environments.dev]\n{line}\n"));
        for format in ["human", "json"] {
            for command in [["config", "show"], ["env", "list"]] {
                let args = [command[0], command[1], "-vv", "--format", format];
                let outcome = project.tidegate(args).run();
                assert_eq!(outcome.code(), Some(2), "{line}");
                silent_about_the_secret(&outcome);
            }
        }
    }
}

#[test]
fn m1_a_literal_url_is_not_shown() {
    let project = Project::with_config(
        "version = 1\n[environments.dev]\nurl = \"postgres:///db?application_name=HUNTER2\"\n",
    );
    for command in [["config", "show"], ["env", "list"]] {
        silent_about_the_secret(&project.tidegate(command).ok());
    }
}

#[test]
fn mistakes_keep_their_place_though_values_are_hidden() {
    let project = Project::with_config("version = 1\n[environments.dev]\nname = \"ä\"\n");
    let error = project
        .tidegate(["config", "show", "--format", "json"])
        .exits(2)
        .error();
    assert_eq!(
        (&error["code"], &error["at"]["line"]),
        (&"TG0102".into(), &3.into()),
        "{error}"
    );
    let project = Project::with_config("version = 1\nproyect = \"x\"\n");
    let outcome = project.tidegate(["config", "show"]).exits(2);
    assert!(
        outcome.stderr.contains("did you mean \"project\"?"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("proyect ="), "{}", outcome.stderr);
}

#[test]
fn a_named_environment_is_never_replaced_by_another_database() {
    let database = Database::new();
    let project = Project::with_config(
        "version = 1\n[environments.production]\nurl = \"postgres://127.0.0.1:1/x?sslmode=require\"\n",
    );
    let url = database.url();
    let outcome = project
        .tidegate([
            "--database-url",
            &url,
            "env",
            "check",
            "production",
            "--format",
            "json",
        ])
        .exits(7);
    assert_eq!(outcome.json()["data"]["name"], "production");
    project
        .tidegate(["--database-url", &url, "-e", "production", "env", "check"])
        .exits(2);
}

#[test]
fn policies_and_tiers_are_not_ignored_in_silence() {
    let production = "[environments.production]\nurl = { env = \"X\" }\n";
    let project = Project::with_config(&format!(
        "version = 1\n{production}[policy.prodction]\napprovals = 2\n"
    ));
    let outcome = project.tidegate(["config", "show"]).exits(2);
    assert!(
        outcome.stderr.contains("did you mean \"production\"?"),
        "{}",
        outcome.stderr
    );
    let project = Project::with_config("version = 1\n[environments.prod]\nurl = { env = \"X\" }\n");
    let outcome = project.tidegate(["config", "show"]).exits(2);
    assert!(outcome.stderr.contains("tier"), "{}", outcome.stderr);
}

#[test]
fn production_is_not_reached_over_plain_tcp() {
    for url in [
        "postgres://h/d",
        "postgres:///d?hostaddr=127.0.0.1",
        "host=127.0.0.1 dbname=d",
    ] {
        let project =
            Project::with_config("version = 1\n[environments.production]\nurl = { env = \"U\" }\n");
        let outcome = project
            .tidegate(["-e", "production", "migrate", "status", "--format", "json"])
            .env("U", url)
            .exits(4);
        assert_eq!(outcome.error()["code"], "TG0209", "{url}");
    }
}

#[test]
fn m1_secrets_from_a_variable_a_file_and_a_command() {
    let database = Database::new();
    let config = |reference: &str| {
        let project = Project::with_config(&format!(
            "version = 1\n[environments.dev]\nurl = {reference}\n"
        ));
        project.write("secret.txt", &format!("{}\n", database.url()));
        project.write("sub/x", "");
        project
    };
    for reference in [
        "{ env = \"U\" }",
        "{ file = \"secret.txt\" }",
        "\"file:secret.txt\"",
        "{ command = [\"sh\", \"-c\", \"echo $U\"] }",
    ] {
        let project = config(reference);
        let dir = project.path().join("sub");
        Cli::new(["env", "check"])
            .dir(&dir)
            .env("U", database.url())
            .ok();
    }
    for reference in [
        "{ env = \"U\" }",
        "{ file = \"gone.txt\" }",
        "{ command = \"exit 3\" }",
        "{ command = \"true\" }",
    ] {
        let project = config(reference);
        let outcome = project
            .tidegate(["migrate", "status", "--format", "json"])
            .env("U", "")
            .exits(2);
        assert_eq!(outcome.error()["code"], "TG0105", "{reference}");
    }
}

#[test]
fn a_silent_server_does_not_hold_us_for_ever() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://u@{}/d?connect_timeout=1&sslmode=disable",
        listener.local_addr().unwrap()
    );
    let outcome = Cli::new([
        "--database-url",
        &url,
        "migrate",
        "status",
        "--format",
        "json",
    ])
    .exits(7);
    assert_eq!(outcome.error()["code"], "TG0201");
}

/// The data plane and the control plane have drivers of their own: neither may choose a server.
#[test]
fn the_ledger_never_lands_on_another_server_than_the_data() {
    let project = Project::with_config("version = 1\n");
    for (url, why) in [
        ("host=/nowhere,/else dbname=x", "several servers"),
        (
            "host=a.example hostaddr=127.0.0.1 dbname=x sslmode=verify-full",
            "hostaddr 127.0.0.1",
        ),
    ] {
        let args = ["audit", "show", "--format", "json", "--database-url", url];
        let error = project.tidegate(args).exits(2).error();
        assert!(error["message"].as_str().unwrap().contains(why), "{error}");
    }
}

/// A file with every section.
const EVERYTHING: &str = r#"
version = 1
project = "shop"

[environments.production]
url = { env = "SHOP_URL" }
password = { file = "/run/secrets/shop" }
allow_plaintext = true

[policy.production]
lock_timeout = "3s"

[backup]
repository = "s3://shop-backups/prod"
rto = "15m"
rpo = "500ms"
keep = { count = 7, window = "30d" }

[storage]
key = { file = "/run/secrets/seal" }
options = { aws_region = "eu-central-1", aws_secret_access_key = "HUNTER2", aws_endpoint = "https://u:HUNTER2@minio" }

[control]
url = { vault = "secret/control#url" }

[copy]
max_rate = "50MB"

[[schedule]]
name = "nightly"
cron = "0 2 * * *"
run = "backup create -e production"

[[schedule]]
name = "leaky"
cron = "0 3 * * *"
run = "backup create --database-url 'host=h password=HUNTER2'"
timezone = "Europe/Vienna"
grace = "90m"
"#;

/// Its values as they are shown, each with its origin.
const SHOWN: [(&str, &str, &str); 26] = [
    (
        "environments.production.password",
        "file:/run/secrets/shop",
        "file",
    ),
    ("environments.production.allow_plaintext", "true", "file"),
    ("policy.production.lock_timeout", "3s", "file"),
    ("policy.production.lock_attempts", "30", "tier"),
    ("backup.repository", "s3://shop-backups/prod", "file"),
    ("backup.engine", "native", "default"),
    ("backup.encrypted_volume", "false", "default"),
    ("backup.rto", "900s", "file"),
    ("backup.rpo", "500ms", "file"),
    ("backup.keep.count", "7", "file"),
    ("backup.keep.window", "2592000s", "file"),
    ("storage.key", "file:/run/secrets/seal", "file"),
    ("storage.options.aws_region", "eu-central-1", "file"),
    (
        "storage.options.aws_secret_access_key",
        "(hidden)",
        "flag or variable",
    ),
    ("storage.options.aws_endpoint", "(hidden)", "file"),
    (
        "storage.options.aws_default_region",
        "eu-west-1",
        "flag or variable",
    ),
    ("control.url", "vault:secret/control#url", "file"),
    ("control.dispatch", "here", "default"),
    ("copy.max_rate", "50000000 bytes/s", "file"),
    ("schedule.nightly.cron", "0 2 * * *", "file"),
    (
        "schedule.nightly.run",
        "backup create -e production",
        "file",
    ),
    ("schedule.nightly.timezone", "UTC", "default"),
    ("schedule.nightly.grace", "3600s", "default"),
    ("schedule.leaky.run", "(hidden)", "file"),
    ("schedule.leaky.timezone", "Europe/Vienna", "file"),
    ("schedule.leaky.grace", "5400s", "file"),
];

#[test]
fn m1_config_show_has_every_section_with_its_origin_and_no_secret() {
    let project = Project::with_config(EVERYTHING);
    let show = |format: &str| {
        let args = ["config", "show", "--format", format];
        let show = project.tidegate(args);
        show.env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .ok()
    };
    silent_about_the_secret(&show("human"));
    let shown = show("json");
    silent_about_the_secret(&shown);
    let data = shown.json()["data"].take();
    let settings = data["settings"].as_array().unwrap();
    for (key, value, origin) in SHOWN {
        let wanted = serde_json::json!({ "key": key, "value": value, "origin": origin });
        let found = settings.iter().filter(|one| one["key"] == key);
        let found: Vec<_> = found.collect();
        let last = found
            .last()
            .unwrap_or_else(|| panic!("no {key}: {settings:#?}"));
        assert_eq!(**last, wanted);
    }
    // Without a file what holds is shown, too.
    let args = ["config", "show", "--format", "json"];
    let bare = Project::empty().tidegate(args).ok().json()["data"].take();
    let key = "storage.key";
    let settings = bare["settings"].as_array().unwrap();
    let found = settings.iter().find(|one| one["key"] == key).unwrap();
    assert_eq!(
        (&found["value"], &found["origin"]),
        (&"env:TIDEGATE_SEAL_KEY".into(), &"default".into())
    );
}
