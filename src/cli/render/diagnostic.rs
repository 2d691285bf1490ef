//! Errors, as a person and as a script read them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::error::Error;

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
            Snippet::source(&*place.text).path(&file).annotation(
                AnnotationKind::Primary
                    .span(place.span.clone())
                    .label(&place.label),
            ),
        ),
        None => Group::with_title(title),
    };
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = renderer.render(&[group]);
    text.push('\n');
    for line in error.details() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    let mut cause = error.cause().map(|cause| cause as &dyn std::error::Error);
    while let Some(source) = cause {
        let line = source.to_string();
        if !message.contains(&line) {
            text.push_str(&format!("  caused by: {line}\n"));
        }
        cause = source.source();
    }
    if !error.hint_text().is_empty() {
        text.push_str(&format!("help: {}\n", error.hint_text()));
    }
    text
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
