//! The plot: how long it takes from one holder to the next.

use std::fmt::Write as _;

use crate::spread::time;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 210.0;
const BAR: f64 = 18.0;
const GAP: f64 = 8.0;
const HEAD: f64 = 34.0;

/// What the rows compare.
const ROWS: [(char, &str); 3] = [
    ('d', "16 tasks line up for one key: time an acquisition"),
    (
        'e',
        "16 tasks come straight back for one key: time an acquisition",
    ),
    ('g', "4 processes × 4 tasks: gap between two processes"),
];

/// Bars on a logarithmic scale, one block a row: an SVG.
pub(crate) fn draw(handovers: &[(char, &'static str, f64)]) -> String {
    let times = || handovers.iter().map(|(_, _, seconds)| *seconds);
    let lowest = times().fold(f64::INFINITY, f64::min).log10().floor();
    let highest = times().fold(0.0, f64::max).log10().ceil();
    let decades = (highest - lowest).max(1.0);
    let place = |seconds: f64| (seconds.log10() - lowest) / decades * (WIDTH - LABELS - 90.0);
    let mut body = String::new();
    let mut y = 10.0;
    for (row, title) in ROWS {
        let bars: Vec<_> = handovers.iter().filter(|(of, _, _)| *of == row).collect();
        if bars.is_empty() {
            continue;
        }
        y += HEAD;
        let _ = writeln!(
            body,
            r#"<text x="10" y="{:.0}" class="title">{title}</text>"#,
            y - 10.0
        );
        for (_, name, seconds) in bars {
            let (text, width) = (y + BAR - 5.0, place(*seconds).max(1.0));
            let ours = *name == "lock-runtime" || *name == "ours";
            let class = if ours { "ours" } else { "other" };
            let _ = writeln!(
                body,
                r#"<text x="{:.0}" y="{text:.0}" text-anchor="end">{name}</text>
<rect x="{LABELS}" y="{y:.0}" width="{width:.1}" height="{BAR}" class="{class}"/>
<text x="{:.1}" y="{text:.0}">{}</text>"#,
                LABELS - 8.0,
                LABELS + width + 6.0,
                time(*seconds),
            );
            y += BAR + GAP;
        }
    }
    let height = y + 30.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0}" viewBox="0 0 {WIDTH} {height:.0}">
<style>text {{ font: 12px sans-serif; fill: #24292f }} .title {{ font-weight: bold }} .ours {{ fill: #1f6feb }} .other {{ fill: #afb8c1 }}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
{body}<text x="10" y="{:.0}">logarithmic scale, shorter is better</text>
</svg>
"##,
        height - 10.0
    )
}
