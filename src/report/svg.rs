//! Plots as SVG, drawn with the colours of the page around them.

use std::fmt::Write as _;

use quick_xml::escape::escape;

/// One bar of [`bars`].
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// What stands before it.
    pub(super) label: String,
    /// Where it begins.
    pub(super) start: f64,
    /// How long it is.
    pub(super) length: f64,
    /// What stands behind it.
    pub(super) note: String,
    /// Class of the style sheet.
    pub(super) class: &'static str,
}

/// One point of [`trend`].
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// What is said when the pointer rests on it.
    pub(super) title: String,
    /// Its value.
    pub(super) value: f64,
    /// Whether it is drawn as one that failed.
    pub(super) failed: bool,
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 150.0;
const ROW: f64 = 26.0;

/// Bars below each other on one scale, such as phases over time; `limit` is a line across them.
pub(super) fn bars(bars: &[Bar], limit: Option<f64>, title: &str) -> String {
    let end = bars.iter().map(|bar| bar.start + bar.length);
    // A limit far away would squeeze everything into a corner.
    let longest = end.fold(0.0, f64::max).max(1e-9);
    let shown = limit.filter(|limit| *limit < 3.0 * longest);
    let scale = (WIDTH - LEFT - RIGHT) / shown.unwrap_or(0.0).max(longest);
    let height = ROW * bars.len() as f64 + 12.0;
    let mut text = open(height, title);
    for (row, bar) in bars.iter().enumerate() {
        let y = 6.0 + ROW * row as f64;
        let (x, width) = (LEFT + bar.start * scale, (bar.length * scale).max(1.5));
        let middle = y + ROW / 2.0 + 4.0;
        // Writing into a String cannot fail, here and below.
        let _ = write!(
            text,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"3\"/>\
             <text class=\"note\" x=\"{:.1}\" y=\"{middle:.1}\">{}</text>",
            LEFT - 8.0,
            escape(&bar.label),
            bar.class,
            y + 4.0,
            ROW - 8.0,
            x + width + 6.0,
            escape(&bar.note),
        );
    }
    if let Some(limit) = shown {
        let x = LEFT + limit * scale;
        let _ = write!(
            text,
            "<line class=\"limit\" x1=\"{x:.1}\" y1=\"2\" x2=\"{x:.1}\" y2=\"{:.1}\"/>",
            height - 2.0
        );
    }
    text.push_str("</svg>");
    text
}

/// Values in their order, joined by a line; `limit` is a line across.
pub(super) fn trend(points: &[Point], limit: Option<f64>, title: &str) -> String {
    let height = 150.0;
    let values = points.iter().map(|point| point.value);
    let highest = values.fold(0.0, f64::max).max(1e-9);
    let shown = limit.filter(|limit| *limit < 3.0 * highest);
    let top = shown.unwrap_or(0.0).max(highest) * 1.1;
    let place = |at: usize, value: f64| {
        let step = (WIDTH - 60.0) / (points.len().max(2) - 1) as f64;
        (
            30.0 + step * at as f64,
            height - 15.0 - (height - 30.0) * value / top,
        )
    };
    let mut text = open(height, title);
    if let Some(limit) = shown {
        let y = place(0, limit).1;
        let _ = write!(
            text,
            "<line class=\"limit\" x1=\"20\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>",
            WIDTH - 20.0
        );
    }
    let line: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(at, point)| {
            let (x, y) = place(at, point.value);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let _ = write!(text, "<polyline points=\"{}\"/>", line.join(" "));
    for (at, point) in points.iter().enumerate() {
        let (x, y) = place(at, point.value);
        let class = if point.failed { "bad" } else { "good" };
        let _ = write!(
            text,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{}</title></circle>",
            escape(&point.title)
        );
    }
    text.push_str("</svg>");
    text
}

fn open(height: f64, title: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\"><title>{}</title>",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
        svg.split(&format!(" {attribute}=\""))
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn bars_stay_in_the_picture_and_keep_their_proportions() {
        let bar = |start, length| Bar {
            label: "a <b>".to_owned(),
            start,
            length,
            note: String::new(),
            class: "a",
        };
        let svg = bars(&[bar(0.0, 10.0), bar(10.0, 30.0)], Some(60.0), "t");
        let widths = numbers(&svg, "width");
        assert!((widths[1] / widths[0] - 3.0).abs() < 0.05, "{svg}");
        assert!(svg.contains("a &lt;b&gt;") && svg.contains("class=\"limit\""));
        for x in numbers(&svg, "x1") {
            assert!(
                (x - (WIDTH - RIGHT)).abs() < 0.1,
                "the limit ends the scale"
            );
        }
        let far = bars(&[bar(0.0, 10.0)], Some(3600.0), "t");
        assert!(!far.contains("class=\"limit\""));
    }

    #[test]
    fn a_trend_of_one_point_and_of_many() {
        let point = |value, failed| Point {
            title: "x".to_owned(),
            value,
            failed,
        };
        for points in [
            vec![point(0.0, false)],
            vec![point(1.0, true), point(4.0, false), point(2.0, false)],
        ] {
            let svg = trend(&points, Some(5.0), "t");
            let ys = numbers(&svg, "cy");
            assert_eq!(ys.len(), points.len());
            assert!(ys.iter().all(|y| (0.0..=150.0).contains(y)), "{svg}");
            assert_eq!(
                svg.matches("class=\"bad\"").count(),
                points.iter().filter(|point| point.failed).count()
            );
        }
    }
}
