//! The command line as a contract: help pages, exit codes, where output goes.

use std::process::{Command, Stdio};

use crate::support::{Cli, Project};

/// Snapshots are accepted with `just bless`.
fn help(args: &[&str]) -> String {
    let outcome = Cli::new(args.iter().copied()).ok();
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!("help", help(&["--help"]));
    assert_eq!(help(&["help", "explain"]), help(&["explain", "--help"]));
}

#[test]
fn every_command_explains_itself() {
    let page = help(&["--help"]);
    let commands: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect();
    assert!(
        commands.contains(&"migrate") && commands.contains(&"audit"),
        "{commands:?}"
    );
    for command in commands {
        let page = help(&[command, "--help"]);
        let first = page.lines().next().unwrap_or_default();
        assert!(
            first.len() > 10 && !first.ends_with('.'),
            "{command}: {first:?}"
        );
    }
}

#[test]
fn usage_errors_go_to_stderr_with_exit_code_2() {
    for args in [
        &["explain", "--nope"][..],
        &["nope"],
        &["explain", "TG9999"],
        &[],
    ] {
        let outcome = Cli::new(args.iter().copied()).exits(2);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{args:?}");
    }
    let error = Cli::new(["explain", "--nope", "--format", "json"])
        .exits(2)
        .error();
    assert_eq!(error["kind"], "error");
    assert_eq!(error["schema_version"], 1);
    assert!(error["message"].as_str().unwrap().contains("--nope"));
    assert_eq!(error["code"], "TG0100");
    let missing = Cli::new(["backfill", "run"])
        .env("TIDEGATE_FORMAT", "json")
        .exits(2)
        .error();
    assert!(
        missing["message"].as_str().unwrap().ends_with("<ID>"),
        "the argument that is missing is named: {missing}"
    );
    let human = Cli::new(["backfill", "run", "--format", "human"])
        .env("TIDEGATE_FORMAT", "json")
        .exits(2);
    assert!(!human.stderr.starts_with('{'), "{}", human.stderr);
}

#[test]
fn explain_knows_every_code_and_offers_near_ones() {
    let page = Cli::new(["explain", "412"]).ok().stdout;
    insta::assert_snapshot!("explain", page);
    let all = Cli::new(["explain"]).data();
    for code in all["codes"].as_array().unwrap() {
        let code = code["code"].as_str().unwrap();
        assert_eq!(Cli::new(["explain", code]).data()["code"], code);
    }
    let outcome = Cli::new(["explain", "TG0422"]).exits(2);
    assert!(
        outcome.stderr.contains("did you mean TG0402, TG0412"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn completions_are_scripts_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Cli::new(["completions", shell]).ok().stdout;
        assert!(
            script.contains("migrate") && script.contains("tidegate"),
            "{shell}"
        );
    }
    let script = Cli::new(["completions", "bash"]).ok().stdout;
    let project = Project::empty();
    let file = project.write("tidegate.bash", &script);
    let status = Command::new("bash").arg("-n").arg(file).status().unwrap();
    assert!(status.success(), "bash accepts its completion script");
}

#[test]
fn manual_pages_cover_every_command() {
    let project = Project::empty();
    let data = project.tidegate(["man", "share/man"]).data();
    let pages = data["pages"].as_array().unwrap();
    for page in [
        "tidegate.1",
        "tidegate-explain.1",
        "tidegate-audit-verify.1",
    ] {
        assert!(pages.iter().any(|name| name == page), "{page} of {pages:?}");
    }
    assert!(
        project
            .read("share/man/tidegate-audit-verify.1")
            .contains(".TH")
    );
    project.write("taken", "a file");
    let outcome = project.tidegate(["man", "taken"]).exits(1);
    assert!(
        outcome
            .stderr
            .contains("cannot write manual pages to taken")
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    // `head -c 1` closes the pipe while there is more to come than the pipe holds.
    let output = Command::new("bash")
        .args(["-c", "set -o pipefail; \"$0\" completions zsh | head -c 1"])
        .arg(env!("CARGO_BIN_EXE_tidegate"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn colour_needs_a_terminal_that_wants_it() {
    let page = Cli::new(["explain"])
        .env("TERM", "xterm-256color")
        .ok()
        .stdout;
    assert!(!page.contains('\u{1b}'));
    let Ok(on_terminal) = on_terminal("explain", &[("TERM", "xterm-256color")]) else {
        return;
    };
    assert!(on_terminal.contains("\u{1b}["), "{on_terminal:?}");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let page = on_terminal_with("explain", variable);
        assert!(!page.contains('\u{1b}'), "{variable:?}: {page:?}");
    }
}

fn on_terminal_with(args: &str, variable: (&str, &str)) -> String {
    on_terminal(args, &[("TERM", "xterm-256color"), variable]).unwrap()
}

/// What the binary prints on a terminal; `script` of util-linux makes one.
fn on_terminal(args: &str, variables: &[(&str, &str)]) -> std::io::Result<String> {
    let line = format!("'{}' {args}", env!("CARGO_BIN_EXE_tidegate"));
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_log_filter_that_is_wrong_is_said_and_changes_nothing() {
    let run = |format: &str| {
        Cli::new(["explain", "412"])
            .env("TIDEGATE_LOG", "tidegate=loud")
            .env("TIDEGATE_LOG_FORMAT", format)
            .ok()
    };
    assert!(
        run("text")
            .stderr
            .contains("TIDEGATE_LOG is not understood")
    );
    let line: serde_json::Value = serde_json::from_str(run("json").stderr.trim()).unwrap();
    assert_eq!(line["level"], "WARN");
}
