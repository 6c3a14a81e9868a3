use std::fmt::Write;

/// A chart with two axes.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// What it is of.
    pub(super) run: &'a str,
    pub(super) across: &'a str,
    pub(super) up: &'a str,
    /// Whether the upward axis begins at 0, rather than below the lowest value.
    pub(super) from_zero: bool,
    pub(super) marks: Vec<Drawn<'a>>,
}

/// What is drawn, its name, and its points.
type Drawn<'a> = (Mark, &'a str, Vec<(f64, f64)>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    Bars,
}

impl Chart<'_> {
    pub(super) fn svg(&self) -> String {
        let mut svg = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut svg);
        svg
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        let points = || self.marks.iter().flat_map(|(_, _, points)| points);
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        let lowest = points().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let bars = self.marks.iter().any(|(mark, _, _)| *mark == Mark::Bars);
        let right = most(|point| point.0).max(1.0) + if bars { 0.5 } else { 0.0 };
        let left = if bars { -0.5 } else { 0.0 };
        let top = most(|point| point.1).max(1e-9);
        let bottom = if self.from_zero || !lowest.is_finite() {
            0.0
        } else {
            (lowest - (top - lowest) * 0.1 - 0.01).max(0.0)
        };
        let frame = Frame {
            left,
            right,
            bottom,
            top: top + (top - bottom) * 0.05,
        };
        writeln!(
            svg,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="17">{}</text>
<text x="{LEFT}" y="43" fill="#666">{}</text>
<text x="{}" y="{}" text-anchor="middle">{}</text>
<text transform="translate(18 {}) rotate(-90)" text-anchor="middle">{}</text>"##,
            self.title,
            self.run,
            (LEFT + RIGHT) / 2.0,
            HEIGHT - 12.0,
            self.across,
            (TOP + BOTTOM) / 2.0,
            self.up,
        )?;
        frame.axes(svg)?;
        for ((mark, name, points), (rank, colour)) in
            self.marks.iter().zip(COLOURS.iter().enumerate())
        {
            match mark {
                Mark::Line => frame.line(svg, points, colour)?,
                Mark::Bars => frame.bars(svg, points, colour)?,
            }
            if self.marks.len() > 1 {
                let y = TOP + 16.0 + 18.0 * rank as f64;
                writeln!(
                    svg,
                    r#"<text x="{}" y="{y}" fill="{colour}">{name}</text>"#,
                    LEFT + 12.0
                )?;
            }
        }
        writeln!(svg, "</svg>")
    }
}

/// What the axes span.
struct Frame {
    left: f64,
    right: f64,
    bottom: f64,
    top: f64,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.left) / (self.right - self.left) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (value - self.bottom) / (self.top - self.bottom) * (BOTTOM - TOP)
    }

    fn axes(&self, svg: &mut String) -> std::fmt::Result {
        for value in ticks(self.bottom, self.top) {
            let (y, label) = (self.y(value), number(value));
            writeln!(
                svg,
                r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{label}</text>"##,
                LEFT - 8.0,
                y + 4.5,
            )?;
        }
        for value in ticks(self.left.max(0.0), self.right) {
            let (x, label) = (self.x(value), number(value));
            writeln!(
                svg,
                r##"<path d="M{x:.1} {BOTTOM}v5" stroke="#222"/><text x="{x:.1}" y="{}" text-anchor="middle">{label}</text>"##,
                BOTTOM + 20.0,
            )?;
        }
        writeln!(
            svg,
            r##"<path d="M{LEFT} {BOTTOM}H{RIGHT}" stroke="#222"/>"##
        )
    }

    fn line(&self, svg: &mut String, points: &[(f64, f64)], colour: &str) -> std::fmt::Result {
        write!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points=""#
        )?;
        for (x, y) in points {
            write!(svg, "{:.1},{:.1} ", self.x(*x), self.y(*y))?;
        }
        writeln!(svg, r#""/>"#)
    }

    fn bars(&self, svg: &mut String, points: &[(f64, f64)], colour: &str) -> std::fmt::Result {
        for (x, y) in points {
            let (from, until, top) = (self.x(x - 0.4), self.x(x + 0.4), self.y(*y));
            writeln!(
                svg,
                r#"<rect x="{from:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
                until - from,
                BOTTOM - top,
            )?;
        }
        Ok(())
    }
}

/// Round values between two, about six of them.
fn ticks(from: f64, until: f64) -> Vec<f64> {
    let rough = (until - from).max(1e-9) / 6.0;
    let magnitude = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    let step = steps
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (from / step).ceil() as i64;
    let last = (until / step).floor() as i64;
    (first..=last).map(|rank| rank as f64 * step).collect()
}

fn number(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    format!("{rounded}")
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 360.0;
const COLOURS: [&str; 4] = ["#1f5fa8", "#c2571a", "#2f7d4f", "#7b3f94"];
