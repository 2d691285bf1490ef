//! The page of a drill: one file, no scripts, nothing loaded from elsewhere.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::svg::{self, Bar, Point};
use crate::recovery::{
    ControlResult, DrillCheck, DrillReport, RECOVERY_PHASES, Verdict, bytes, seconds,
};

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--faint:#59636e;--line:#d1d9e0;--good:#1a7f37;--bad:#cf222e;--bar:#0969da;--soft:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--faint:#9198a1;--line:#3d444d;--good:#3fb950;--bad:#f85149;--bar:#4493f8;--soft:#151b23}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:54rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}.faint,.note{color:var(--faint);fill:var(--faint)}\
.good{color:var(--good);fill:var(--good)}.bad{color:var(--bad);fill:var(--bad)}\
.tiles{display:flex;gap:1rem;flex-wrap:wrap}.tile{flex:1 1 9rem;background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.6rem .9rem}\
.tile b{display:block;font-size:1.35rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
td.n,th.n{text-align:right}svg{width:100%;height:auto;font:12px system-ui,sans-serif;fill:var(--fg)}\
rect.rto{fill:var(--bar)}rect.after{fill:var(--faint)}polyline{fill:none;stroke:var(--bar);stroke-width:2}\
.limit{stroke:var(--bad);stroke-dasharray:5 4;stroke-width:1.5}code{font-size:.92em;overflow-wrap:anywhere}";

/// The page of `drill`; `history` are the drills up to it, oldest first.
#[must_use]
pub fn html(drill: &DrillReport, history: &[DrillReport]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Drill {}</title><style>{STYLE}</style></head><body>\n",
        escape(&drill.id)
    );
    heading(&mut page, drill);
    tiles(&mut page, drill);
    phases(&mut page, drill);
    checks(&mut page, &drill.checks);
    controls(&mut page, &drill.negative_controls);
    trend(&mut page, drill, history);
    origin(&mut page, drill);
    page.push_str("</body></html>\n");
    page
}

fn heading(page: &mut String, drill: &DrillReport) {
    let (class, word) = verdict(drill.verdict);
    // Writing into a String cannot fail, here and below.
    let _ = write!(
        page,
        "<h1>Drill of {} <span class=\"{class}\">{word}</span></h1>",
        drill.at.format("%Y-%m-%d %H:%M UTC")
    );
    list(page, "bad", &drill.reasons);
    list(page, "faint", &drill.warnings);
}

fn list(page: &mut String, class: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(page, "<ul class=\"{class}\">");
    for line in lines {
        let _ = write!(page, "<li>{}</li>", escape(line));
    }
    page.push_str("</ul>\n");
}

fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Passed => ("good", "passed"),
        Verdict::Failed => ("bad", "failed"),
    }
}

fn tiles(page: &mut String, drill: &DrillReport) {
    let of = |limit: Option<f64>| {
        limit.map_or("no objective".to_owned(), |l| format!("of {}", seconds(l)))
    };
    page.push_str("<div class=\"tiles\">");
    tile(page, "RTO", &drill.rto(), &of(drill.objectives.rto_seconds));
    let worst = drill
        .rpo_worst_case
        .as_ref()
        .map_or(String::new(), |worst| {
            format!(", worst case {}", seconds(worst.seconds))
        });
    tile(
        page,
        "RPO",
        &drill.rpo_seconds.map_or("not measured".to_owned(), seconds),
        &format!("{}{worst}", of(drill.objectives.rpo_seconds)),
    );
    if let Some(probe) = &drill.probe {
        tile(
            page,
            "Lost rows",
            &probe.lost.to_string(),
            &format!(
                "of {} acknowledged, {} gaps",
                probe.acknowledged, probe.gaps
            ),
        );
    }
    let equal = match drill.oracle_equal {
        Some(true) => "equal",
        Some(false) => "different",
        None => "no oracle",
    };
    let counted = format!("{} tables, {} rows", drill.oracle.tables, drill.oracle.rows);
    tile(page, "Data", equal, &counted);
    page.push_str("</div>\n");
}

fn tile(page: &mut String, name: &str, value: &str, note: &str) {
    let _ = write!(
        page,
        "<div class=\"tile\">{name}<b>{}</b><span class=\"faint\">{}</span></div>",
        escape(value),
        escape(note)
    );
}

fn phases(page: &mut String, drill: &DrillReport) {
    let mut start = 0.0;
    let bars: Vec<Bar> = drill
        .phases
        .iter()
        .map(|phase| {
            let recovery = RECOVERY_PHASES.contains(&phase.name.as_str());
            let rate = phase
                .bytes_per_second
                .map_or(String::new(), |rate| format!(", {}/s", bytes(rate as u64)));
            let bar = Bar {
                label: phase.name.clone(),
                start,
                length: phase.seconds,
                note: format!("{}{rate}", seconds(phase.seconds)),
                class: if recovery { "rto" } else { "after" },
            };
            start += phase.seconds;
            bar
        })
        .collect();
    page.push_str("<h2>Phases</h2>");
    let plot = svg::bars(
        &bars,
        drill.objectives.rto_seconds,
        "Phases of the recovery",
    );
    page.push_str(&plot);
    page.push_str(
        "<p class=\"faint\">Blue phases make up the RTO; the dashed line is its objective.</p>\n",
    );
}

fn checks(page: &mut String, checks: &[DrillCheck]) {
    page.push_str("<h2>Checks</h2><table>");
    for check in checks {
        let (class, word) = match check.passed {
            Some(true) => ("good", "ok"),
            Some(false) => ("bad", "failed"),
            None => ("faint", "not done"),
        };
        row(page, (class, word), &check.name, &check.found);
    }
    page.push_str("</table>\n");
}

fn controls(page: &mut String, controls: &[ControlResult]) {
    if controls.is_empty() {
        return;
    }
    page.push_str("<h2>This drill can fail</h2><p class=\"faint\">Damage done to copies of the repository, and how it was found.</p><table>");
    for control in controls {
        let state = match control.red {
            Some(true) => ("good", "found"),
            Some(false) => ("bad", "NOT FOUND"),
            None => ("faint", "not tried"),
        };
        row(page, state, control.name.name(), &control.message);
    }
    page.push_str("</table>\n");
}

fn row(page: &mut String, (class, word): (&str, &str), name: &str, found: &str) {
    let _ = write!(
        page,
        "<tr><td class=\"{class}\">{word}</td><td>{}</td><td>{}</td></tr>",
        escape(name),
        escape(found)
    );
}

fn trend(page: &mut String, drill: &DrillReport, history: &[DrillReport]) {
    let points: Vec<Point> = history
        .iter()
        .filter_map(|one| {
            let at = one.at.format("%Y-%m-%d %H:%M");
            Some(Point {
                title: format!("{at}: {}, {}", one.rto(), verdict(one.verdict).1),
                value: one.rto_seconds?,
                failed: one.verdict == Verdict::Failed,
            })
        })
        .collect();
    if points.len() > 1 {
        page.push_str("<h2>RTO of all drills</h2>");
        page.push_str(&svg::trend(
            &points,
            drill.objectives.rto_seconds,
            "RTO of all drills",
        ));
    }
    if let Some(far) = &drill.extrapolation {
        let _ = writeln!(
            page,
            "<h2>Extrapolated</h2><p>RTO {} for {} and {} of WAL: a line through {} drills, the largest of {}, off by {:.0} % at worst on them.</p>",
            seconds(far.seconds),
            bytes(far.bytes),
            bytes(far.wal_bytes),
            far.drills,
            bytes(far.largest_bytes),
            far.error_percent
        );
    }
}

fn origin(page: &mut String, drill: &DrillReport) {
    let source = &drill.source;
    let _ = writeln!(
        page,
        "<h2>Restored from</h2><p>base backup <code>{}</code> of {}, {} ({} sealed), PostgreSQL {}; {} of WAL to <code>{}</code></p>\
         <p class=\"faint\">{} by Tidegate {}; drill <code>{}</code></p>",
        escape(&source.backup),
        source.backup_at.format("%Y-%m-%d %H:%M UTC"),
        bytes(source.bytes),
        bytes(source.sealed_bytes),
        source.postgres / 10_000,
        bytes(source.wal_bytes),
        escape(&source.reached),
        if drill.sandbox {
            "A primary of its own, killed"
        } else {
            "A passive drill, from the repository alone"
        },
        escape(&drill.version),
        escape(&drill.id)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    #[test]
    fn the_page_is_well_formed_self_contained_and_escapes() {
        let mut drill = passed();
        drill.judge();
        drill.checks[0].found = "<script>alert(1)</script> & more".to_owned();
        let page = html(&drill, &[drill.clone(), drill.clone()]);
        for outside in ["http://", "https://", "src=", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("&lt;script&gt;"));
        for said in [
            "passed",
            "41 m 12 s",
            "of 1 h 00 m",
            "equal",
            "missing segment",
            "<svg",
            "<polyline",
        ] {
            assert!(page.contains(said), "{said}");
        }
        // Every element that was opened is closed, in order; those of the head are void.
        let body = page.split_once("<body>").unwrap().1;
        let body = format!("<body>{}", body.replace("</html>", ""));
        let mut reader = quick_xml::Reader::from_str(&body);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(_) => {}
                Err(error) => panic!("{error} at {}", reader.error_position()),
            }
        }
    }

    #[test]
    fn a_failed_drill_says_why_first() {
        let mut drill = passed();
        drill.rto_seconds = Some(4000.0);
        drill.negative_controls[0].red = Some(false);
        drill.judge();
        let page = html(&drill, std::slice::from_ref(&drill));
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        assert!(at("RTO 1 h 06 m of 1 h 00 m") < at("<h2>Phases"));
        assert!(page.contains("NOT FOUND") && !page.contains("<polyline"));
    }
}
