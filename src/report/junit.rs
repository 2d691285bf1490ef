//! A drill as JUnit XML, so that CI shows it as any other suite of tests.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::error::Result;
use crate::recovery::DrillReport;

/// What became of one case.
enum State {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The suite of `drill`: its objectives, its data, its checks and its negative controls.
///
/// # Errors
/// None in practice: the writer writes into memory.
pub fn junit(drill: &DrillReport) -> Result<String> {
    let cases = cases(drill);
    let count = |wanted: fn(&State) -> bool| {
        cases
            .iter()
            .filter(|case| wanted(&case.1))
            .count()
            .to_string()
    };
    let (failures, skipped) = (
        count(|state| matches!(state, State::Failed(_))),
        count(|state| matches!(state, State::Skipped(_))),
    );
    let time: f64 = drill.phases.iter().map(|phase| phase.seconds).sum();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .write_inner_content(|writer| {
            writer
                .create_element("testsuite")
                .with_attributes([
                    ("name", "tidegate drill"),
                    (
                        "timestamp",
                        &*drill.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    ),
                    ("time", &*format!("{time:.3}")),
                    ("tests", &*cases.len().to_string()),
                    ("failures", &*failures),
                    ("errors", "0"),
                    ("skipped", &*skipped),
                ])
                .write_inner_content(|writer| {
                    for (name, state) in &cases {
                        case(writer, name, state)?;
                    }
                    Ok(())
                })?;
            Ok(())
        })?;
    Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned() + "\n")
}

fn case(writer: &mut Writer<Vec<u8>>, name: &str, state: &State) -> std::io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attributes([("classname", "drill"), ("name", name)]);
    match state {
        State::Passed => element.write_empty()?,
        State::Failed(text) => element.write_inner_content(|writer| {
            writer
                .create_element("failure")
                .write_text_content(BytesText::new(text))?;
            Ok(())
        })?,
        State::Skipped(text) => element.write_inner_content(|writer| {
            writer
                .create_element("skipped")
                .with_attribute(("message", &**text))
                .write_empty()?;
            Ok(())
        })?,
    };
    Ok(())
}

fn cases(drill: &DrillReport) -> Vec<(String, State)> {
    let reasons = drill.reasons.join("\n");
    let verdict = if drill.reasons.is_empty() {
        State::Passed
    } else {
        State::Failed(reasons)
    };
    let mut cases = vec![("verdict".to_owned(), verdict)];
    for check in &drill.checks {
        cases.push((check.name.clone(), state(check.passed, &check.found)));
    }
    if let Some(equal) = drill.oracle_equal {
        let found = drill.oracle_differences.join("\n");
        cases.push(("oracle".to_owned(), state(Some(equal), &found)));
    }
    for control in &drill.negative_controls {
        let name = format!("control: {}", control.name.name());
        cases.push((name, state(control.red, &control.message)));
    }
    cases
}

fn state(passed: Option<bool>, found: &str) -> State {
    match passed {
        Some(true) => State::Passed,
        Some(false) => State::Failed(found.to_owned()),
        None => State::Skipped(found.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    #[test]
    fn failures_are_counted_and_named() {
        let mut drill = passed();
        drill.judge();
        let green = junit(&drill).unwrap();
        assert!(green.contains("tests=\"7\" failures=\"0\""), "{green}");
        drill.negative_controls[0].red = Some(false);
        drill.negative_controls[0].message = "a <b> & c".to_owned();
        drill.checks[0].passed = None;
        drill.judge();
        let red = junit(&drill).unwrap();
        assert!(
            red.contains("failures=\"2\" errors=\"0\" skipped=\"1\""),
            "{red}"
        );
        assert!(red.contains("a &lt;b&gt; &amp; c"), "{red}");
    }
}
