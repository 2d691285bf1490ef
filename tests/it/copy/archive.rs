//! M14, M16: a copy outside of a server is sealed, shows damage, and stays in its region.

use std::path::{Path, PathBuf};

use super::stage::Stage;
use crate::support::{Cli, Server};

const MASK_KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
pub(super) const SEAL_KEY: &str =
    "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80a";
const OTHER_KEY: &str = "2a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80a";

pub(super) fn tidegate(stage: &Stage, args: &[&str], seal_key: &str) -> Cli {
    stage
        .project()
        .tidegate(args.iter().copied())
        .env("PG_BIN", &Server::shared().bin)
        .env("TIDEGATE_HOME", home(stage))
        .env("TIDEGATE_MASK_KEY", MASK_KEY)
        .env("TIDEGATE_SEAL_KEY", seal_key)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

pub(super) fn write_policy(stage: &Stage) {
    let rules = stage.project().path().join("masking-rules");
    std::fs::create_dir_all(&rules).unwrap();
    std::fs::write(
        rules.join("shop.toml"),
        "version = 1\nunclassified = \"deny\"\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n\
         [tables.users]\nid = \"keep\"\nemail = { mask = \"email\", unique = true }\nmotto = \"keep\"\n",
    )
    .unwrap();
}

/// Where the private server of a test lies: not with that of the machine's own user.
fn home(stage: &Stage) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let home = std::env::temp_dir().join(format!("tgv-{}", stage.target));
    std::fs::create_dir_all(&home).unwrap();
    // As root the server runs as somebody else, who must get there.
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

/// Stops the private server when the test ends, also when it fails.
pub(super) struct Stop<'a>(pub(super) &'a Stage);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let _ = tidegate(self.0, &["server", "stop"], SEAL_KEY).run();
        let _ = std::fs::remove_dir_all(home(self.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_m16_a_copy_outside_of_a_server_is_sealed_and_comes_back() {
    let stage = Stage::new(
        "create table users (id int primary key, email text unique, motto text not null); \
         insert into users select g, 'person' || g || '@real-mail.test', 'motto that is kept ' || g from generate_series(1, 3000) g; \
         create sequence numbers; select nextval('numbers')",
    );
    let _stop = Stop(&stage);
    write_policy(&stage);
    let write = ["copy", "run", "--from", "production", "--to", "file:out"];
    let region = |region| [&write[..], &["--region", region]].concat();
    tidegate(&stage, &write, SEAL_KEY).exits(4);
    tidegate(&stage, &region("us"), SEAL_KEY).exits(4);
    tidegate(&stage, &region("eu"), "short").exits(2);
    let data = tidegate(&stage, &region("eu"), SEAL_KEY).data();
    assert_eq!(data["rows"], 3000);
    assert_eq!(data["gate"]["passed"], true, "{data:#}");
    let out = stage.project().path().join("out");
    for file in files(&out) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        assert!(!holds(b"motto") && !holds(b"users"), "{}", file.display());
    }

    let load = [
        "copy",
        "run",
        "--from",
        "file:out",
        "--to",
        "staging",
        "--promote",
    ];
    tidegate(&stage, &load, OTHER_KEY).exits(2);
    let data = tidegate(&stage, &load, SEAL_KEY).data();
    assert_eq!(data["promoted"], true);
    assert_eq!(
        stage.rows("select count(*) || ' ' || count(distinct email) || ' ' || sum(id) from users where motto = 'motto that is kept ' || id").await,
        ["3000 3000 4501500"]
    );
    assert_eq!(
        stage
            .rows("select count(*) from users where email like '%real-mail%'")
            .await,
        ["0"]
    );
    let audit = tidegate(&stage, &["audit", "verify", "-e", "staging"], SEAL_KEY);
    audit.ok();

    // The same data again: nothing is stored twice.
    let data = tidegate(&stage, &region("eu"), SEAL_KEY).data();
    assert!(data["archive"]["kept"].as_u64().unwrap() > 0, "{data:#}");

    only_trusted_signers(&stage, &load, data["manifest"]["key"].as_str().unwrap());

    let part = files(&out.join("parts"))
        .into_iter()
        .max_by_key(|file| file.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    tidegate(&stage, &load, SEAL_KEY).exits(3);
    std::fs::remove_file(&part).unwrap();
    tidegate(&stage, &load, SEAL_KEY).exits(7);
    let status = tidegate(&stage, &["copy", "status", "--to", "staging"], SEAL_KEY).data();
    let stages: Vec<&str> = status["copies"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|copy| copy["mark"]["stage"].as_str())
        .collect();
    assert!(
        !stages.contains(&"failed") && !stages.contains(&"building"),
        "{status:#}"
    );
}

/// Whoever has the key of the seal alone cannot make an archive that is loaded.
fn only_trusted_signers(stage: &Stage, load: &[&str], signer: &str) {
    let with_key = |mask_key: &str| {
        let told = tidegate(stage, load, SEAL_KEY);
        told.env("TIDEGATE_MASK_KEY", mask_key)
    };
    let strange = with_key(OTHER_KEY).exits(4);
    assert!(strange.stderr.contains(signer), "{}", strange.stderr);
    let config = stage.project().path().join("tidegate.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let trusted = |key: &str| {
        let text = format!("{text}\n[copy]\nsigners = [\"{key}\"]\n");
        std::fs::write(&config, text).unwrap();
    };
    trusted(signer);
    with_key("").ok();
    trusted(&"ab".repeat(32));
    with_key(MASK_KEY).exits(4);
    std::fs::write(&config, &text).unwrap();
}
