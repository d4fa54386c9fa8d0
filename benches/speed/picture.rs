//! Horizontal bars with whiskers from the lowest to the highest, as SVG.

use crate::figures::Spread;
use svg::Document;
use svg::node::element::{Line, Rectangle, Text};

const WIDTH: f64 = 860.0;
/// Where bars begin; names stand before it.
const LEFT: f64 = 290.0;
/// Where the longest whisker ends; its figure stands behind it.
const RIGHT: f64 = 790.0;
const TOP: f64 = 66.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
const INK: &str = "#24292f";
const GREY: &str = "#6e7781";
/// Of the bars of others.
const PALE: &str = "#afb8c1";
/// Of Counterfoil's bars.
const OURS: &str = "#2f81b7";

/// A picture of one part.
pub struct Chart {
    title: String,
    unit: String,
    groups: Vec<Group>,
    has_scale_for_each_group: bool,
}

/// Bars that belong together.
pub struct Group {
    pub heading: String,
    pub bars: Vec<Bar>,
}

impl Group {
    /// Of all bars without a heading.
    pub fn alone(bars: Vec<Bar>) -> Vec<Self> {
        let heading = String::new();
        vec![Self { heading, bars }]
    }

    fn longest(&self) -> f64 {
        self.bars.iter().map(|bar| bar.spread.max).fold(f64::MIN_POSITIVE, f64::max)
    }
}

/// One bar: the median, with a whisker.
pub struct Bar {
    name: String,
    spread: Spread,
    is_ours: bool,
}

impl Chart {
    /// The unit says what the length of a bar is, and which direction is good.
    pub fn new(title: &str, unit: &str, groups: Vec<Group>) -> Self {
        Self {
            title: title.to_owned(),
            unit: unit.to_owned(),
            groups,
            has_scale_for_each_group: false,
        }
    }

    /// Where the figures of groups are too far apart for one scale.
    #[must_use]
    pub fn with_scale_for_each_group(mut self) -> Self {
        self.has_scale_for_each_group = true;
        self
    }

    pub fn svg(&self) -> String {
        let longest = self.groups.iter().map(Group::longest).fold(f64::MIN_POSITIVE, f64::max);
        let rows = self
            .groups
            .iter()
            .map(|group| group.bars.len() + usize::from(!group.heading.is_empty()));
        let height = TOP + ROW * rows.sum::<usize>() as f64 + 14.0;
        let mut document = Document::new()
            .set("viewBox", (0, 0, WIDTH, height))
            .set("width", WIDTH)
            .set("height", height)
            .set("font-family", "sans-serif")
            .set("role", "img")
            .add(rectangle(0.0, 0.0, WIDTH, height, "#ffffff"))
            .add(text(20.0, 28.0, &self.title, INK).set("font-size", 17).set("font-weight", "bold"))
            .add(text(20.0, 48.0, &self.unit, GREY).set("font-size", 13));
        let mut y = TOP;
        for group in &self.groups {
            if !group.heading.is_empty() {
                document = document.add(
                    text(20.0, y + 18.0, &group.heading, INK)
                        .set("font-size", 13)
                        .set("font-weight", "bold"),
                );
                y += ROW;
            }
            let longest = if self.has_scale_for_each_group { group.longest() } else { longest };
            for bar in &group.bars {
                document = bar.draw(document, y, (RIGHT - LEFT) / longest);
                y += ROW;
            }
        }
        format!("{document}\n")
    }
}

impl Bar {
    /// Of whoever is named; Counterfoil's bars stand out.
    pub fn new(name: &str, spread: Spread) -> Self {
        Self { name: name.to_owned(), spread, is_ours: name.starts_with("counterfoil") }
    }

    /// Of Counterfoil, where the name does not say so.
    pub fn ours(name: &str, spread: Spread) -> Self {
        Self { is_ours: true, ..Self::new(name, spread) }
    }

    fn draw(&self, document: Document, y: f64, scale: f64) -> Document {
        let at = |figure: f64| round(LEFT + figure * scale);
        let middle = y + ROW / 2.0;
        let Spread { min, median, max } = self.spread;
        let colour = if self.is_ours { OURS } else { PALE };
        let whisker = |x1: f64, x2: f64, y1: f64, y2: f64| {
            let line = Line::new().set("x1", x1).set("x2", x2).set("y1", y1).set("y2", y2);
            line.set("stroke", INK).set("stroke-width", 1.5)
        };
        document
            .add(
                text(LEFT - 10.0, middle + 4.5, &self.name, INK)
                    .set("font-size", 13)
                    .set("text-anchor", "end"),
            )
            .add(rectangle(LEFT, y + (ROW - BAR) / 2.0, round(median * scale), BAR, colour))
            .add(whisker(at(min), at(max), middle, middle))
            .add(whisker(at(min), at(min), middle - 4.0, middle + 4.0))
            .add(whisker(at(max), at(max), middle - 4.0, middle + 4.0))
            .add(text(at(max) + 8.0, middle + 4.5, &figure(median), INK).set("font-size", 13))
    }
}

/// With as many decimals as say something.
fn figure(value: f64) -> String {
    let digits = match value {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn round(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Rectangle {
    let rectangle = Rectangle::new().set("x", x).set("y", y).set("width", width);
    rectangle.set("height", height).set("fill", colour)
}

fn text(x: f64, y: f64, words: &str, colour: &str) -> Text {
    Text::new(words).set("x", x).set("y", y).set("fill", colour)
}
