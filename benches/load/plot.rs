//! Plots over the number of servers, as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

const SIZE: (u32, u32) = (720, 400);
const COLOURS: [RGBColor; 3] = [RGBColor(31, 119, 180), RGBColor(214, 96, 39), RGBColor(44, 140, 60)];

/// A line: its name, and its points by number of servers.
pub struct Line {
    /// What it is of.
    pub name: &'static str,
    /// Number of servers and value.
    pub points: Vec<(f64, f64)>,
}

/// Draws lines over a logarithmic number of servers.
pub fn draw(file: &Path, title: &str, unit: &str, lines: &[Line]) -> Result<()> {
    try_draw(file, title, unit, lines).map_err(|error| anyhow!("drawing {}: {error}", file.display()))
}

fn try_draw(file: &Path, title: &str, unit: &str, lines: &[Line]) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (first, last) = points().fold((f64::MAX, 1.0_f64), |(low, high), (x, _)| (low.min(x), high.max(x)));
    let highest = points().fold(0.0_f64, |high, (_, y)| high.max(y));
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((first * 0.8..last * 1.25).log_scale(), 0.0..highest * 1.15)?;
    chart.configure_mesh().x_desc("servers").y_desc(unit).x_labels(4).light_line_style(WHITE).draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)).point_size(4))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
