//! Errors, as a person and as a script read them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use owo_colors::{OwoColorize, Style};

use crate::error::{Error, Place};

/// The error as text, with the place in the user's file when there is one.
pub(super) fn human(error: &Error, colour: bool) -> String {
    let policy = error.kind().policy();
    let message = error.to_string();
    let title = Level::ERROR.primary_title(&message).id(policy.code);
    let file = error
        .place()
        .map(|place| place.file.display().to_string())
        .unwrap_or_default();
    let group: Group<'_> = match error.place() {
        Some(place) => title.element(
            Snippet::source(&*place.text)
                .path(&file)
                .annotation(annotation(place)),
        ),
        None => Group::with_title(title),
    };
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut lines = vec![renderer.render(&[group]).trim_end().to_owned()];
    for detail in error.details() {
        lines.extend(detail.lines().map(|line| format!("  {line}")));
    }
    lines.extend(causes(error).map(|cause| format!("  caused by: {cause}")));
    lines.push(help(error.hint_text(), colour));
    let mut text = String::new();
    for line in lines.iter().flat_map(|part| part.lines()) {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The mark below the source; without a label there is nothing but the mark.
fn annotation(place: &Place) -> Annotation<'_> {
    let mark = AnnotationKind::Primary.span(place.span.clone());
    if place.label.is_empty() {
        mark
    } else {
        mark.label(&place.label)
    }
}

/// The chain of causes, without those that only repeat what was said.
fn causes(error: &Error) -> impl Iterator<Item = String> {
    let mut said = error.to_string();
    let mut cause = error.cause().map(|cause| cause as &dyn std::error::Error);
    std::iter::from_fn(move || {
        while let Some(source) = cause {
            cause = source.source();
            let words = source.to_string().replace('\n', " ");
            if !said.contains(&words) {
                said.push_str(&words);
                return Some(words);
            }
        }
        None
    })
}

fn help(hint: &str, colour: bool) -> String {
    if hint.is_empty() {
        return String::new();
    }
    // The lines of a long hint stand below each other.
    let hint = hint.lines().collect::<Vec<_>>().join("\n      ");
    if colour {
        format!("{}: {hint}", "help".style(Style::new().cyan().bold()))
    } else {
        format!("help: {hint}")
    }
}

/// The error as one JSON document.
pub(super) fn json(error: &Error, schema_version: u32) -> String {
    let at = error.place().map(|place| {
        let (line, column) = place.line_column();
        serde_json::json!({ "file": place.file, "line": line, "column": column })
    });
    serde_json::json!({
        "schema_version": schema_version,
        "kind": "error",
        "code": error.kind().policy().code,
        "message": error.to_string(),
        "hint": error.hint_text(),
        "details": error.details(),
        "at": at,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::error::Kind;

    fn place(text: &str, what: &str) -> Place {
        let start = text.find(what).unwrap();
        Place::new(
            Path::new("migrations/0007_user_id.toml"),
            &Arc::from(text),
            start..start + what.len(),
        )
    }

    fn unknown_table(text: &str, what: &str) -> Error {
        Error::new(Kind::UnknownObject, format!("unknown table {what}"))
            .at(place(text, what).label("not in schema public of shop@db-1"))
            .hint("did you mean \"transactions\"?")
    }

    #[test]
    fn a_place_is_shown_as_rustc_does() {
        let text = "version = 1\n\n[[operation]]\ntable = \"transaction\"\nfrom = \"a\"\n";
        let shown = human(&unknown_table(text, "\"transaction\""), false);
        insta::assert_snapshot!(shown, @r#"
        error[TG0107]: unknown table "transaction"
         --> migrations/0007_user_id.toml:4:9
          |
        4 | table = "transaction"
          |         ^^^^^^^^^^^^^ not in schema public of shop@db-1
        help: did you mean "transactions"?
        "#);
    }

    #[test]
    fn marks_stand_below_wide_characters() {
        let text = "title = \"Schlüssel 日本\" # \ttable = \"größe\"\r\n";
        let shown = human(&unknown_table(text, "\"größe\""), false);
        insta::assert_snapshot!(shown, @r#"
        error[TG0107]: unknown table "größe"
         --> migrations/0007_user_id.toml:1:35
          |
        1 | title = "Schlüssel 日本" #     table = "größe"
          |                                        ^^^^^^^ not in schema public of shop@db-1
        help: did you mean "transactions"?
        "#);
    }

    #[test]
    fn details_causes_and_hints_may_have_several_lines() {
        let io = std::io::Error::other("disk gone");
        let error = Error::new(
            Kind::GateClosed,
            "0007 cannot contract yet: 1 of 6 gates is closed",
        )
        .detail("ok      backfill complete       12,400,118 rows")
        .detail("closed  app versions            3 sessions\n        of shop/2.1.0")
        .because(Error::from(io))
        .hint("finish the rollout,\nthen run this command again");
        let shown = human(&error, false);
        insta::assert_snapshot!(shown, @r#"
        error[TG0412]: 0007 cannot contract yet: 1 of 6 gates is closed
          ok      backfill complete       12,400,118 rows
          closed  app versions            3 sessions
                  of shop/2.1.0
          caused by: disk gone
        help: finish the rollout,
              then run this command again
        "#);
        assert!(human(&error, true).contains("\u{1b}["));
    }

    #[test]
    fn the_end_of_a_file_can_be_pointed_at() {
        let text = "version = 1\n";
        let mut at = place(text, "version");
        at.span = text.len()..text.len();
        let shown = human(
            &Error::new(Kind::ChangeSyntax, "no operation")
                .at(at)
                .hint("add one"),
            false,
        );
        insta::assert_snapshot!(shown, @r#"
        error[TG0106]: no operation
         --> migrations/0007_user_id.toml:1:13
          |
        1 | version = 1
          |            ^
        help: add one
        "#);
    }

    #[test]
    fn scripts_get_line_and_column_in_characters() {
        let text = "a = 1\nb = \"ä\" # größe\n";
        let error = unknown_table(text, "größe");
        let document: serde_json::Value = serde_json::from_str(&json(&error, 1)).unwrap();
        assert_eq!(document["at"]["line"], 2);
        assert_eq!(document["at"]["column"], 11);
        assert_eq!(document["code"], "TG0107");
        assert_eq!(document["kind"], "error");
    }
}
