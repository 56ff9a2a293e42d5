//! The report as a picture: time and memory by the number of rows.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use cutover_benches::Spread;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::{Report, Size, mebibytes};

const SIZE: (u32, u32) = (1260, 400);
const LABELS: (&str, u32) = ("sans-serif", 16);
const TIME: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const ALLOCATED: RGBColor = RGBColor(0xb0, 0x48, 0x1e);
const RESIDENT: RGBColor = RGBColor(0x5a, 0x5a, 0x5a);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A curve over the number of rows: medians, each with the least and the most.
struct Curve<'a> {
    of: &'a dyn Fn(&Size) -> Spread,
    colour: RGBColor,
    name: &'static str,
}

pub(crate) fn draw(report: &Report, path: &Path) -> Result<()> {
    let draw = || -> Result<()> {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let panels = root.split_evenly((1, 3));
        let [time, memory, course] = &panels[..] else {
            return Err(anyhow!("three panels are three"));
        };
        let seconds = Curve {
            of: &Size::seconds,
            colour: TIME,
            name: "median, least and most",
        };
        by_rows(time, report, "Time of an import", "seconds", &[seconds])?;
        let allocated = Curve {
            of: &Size::allocated,
            colour: ALLOCATED,
            name: "allocated by the importer",
        };
        let resident = Curve {
            of: &Size::resident,
            colour: RESIDENT,
            name: "whole process",
        };
        by_rows(
            memory,
            report,
            "Most memory at one time",
            "MiB",
            &[allocated, resident],
        )?;
        over_time(course, report)?;
        root.present()?;
        Ok(())
    };
    draw().with_context(|| format!("could not draw {}", path.display()))
}

fn by_rows(
    panel: &Panel<'_>,
    report: &Report,
    caption: &str,
    unit: &str,
    curves: &[Curve<'_>],
) -> Result<()> {
    let sizes = &report.sizes;
    let widest = sizes.last().map_or(1.0, Size::rows_f64);
    let most = curves
        .iter()
        .flat_map(|curve| sizes.iter().map(|size| (curve.of)(size).max));
    let mut chart = ChartBuilder::on(panel)
        .caption(caption, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..widest * 1.05, 0.0..with_room(most))?;
    chart
        .configure_mesh()
        .x_desc("rows")
        .y_desc(unit)
        .label_style(LABELS)
        .x_labels(5)
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|rows| thousands(*rows))
        .y_label_formatter(&plain)
        .draw()?;
    for curve in curves {
        let points = || sizes.iter().map(|size| (size.rows_f64(), (curve.of)(size)));
        let line: Vec<(f64, f64)> = points().map(|(rows, spread)| (rows, spread.median)).collect();
        let colour = curve.colour;
        chart
            .draw_series([PathElement::new(line, colour.stroke_width(2))])?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|(rows, Spread { min, max, .. })| {
            PathElement::new([(rows, min), (rows, max)], colour.stroke_width(1))
        }))?;
        chart.draw_series(
            points().map(|(rows, spread)| Circle::new((rows, spread.median), 3, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(TRANSPARENT)
        .label_font(LABELS)
        .draw()?;
    Ok(())
}

/// Of the last import of the largest table.
fn over_time(panel: &Panel<'_>, report: &Report) -> Result<()> {
    let Some(size) = report.sizes.last() else {
        return Ok(());
    };
    let Some(import) = size.imports.last() else {
        return Ok(());
    };
    let samples = import.resident.iter();
    let line: Vec<(f64, f64)> = samples
        .map(|sample| (sample.seconds, mebibytes(sample.resident_bytes)))
        .collect();
    let most = line.iter().map(|(_, resident)| *resident);
    let caption = format!("The process while {} rows pass", thousands(size.rows_f64()));
    let mut chart = ChartBuilder::on(panel)
        .caption(caption, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..import.seconds, 0.0..with_room(most))?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("MiB")
        .label_style(LABELS)
        .x_labels(5)
        .x_label_formatter(&plain)
        .y_label_formatter(&plain)
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart.draw_series([PathElement::new(line, RESIDENT.stroke_width(2))])?;
    Ok(())
}

/// The upper end of an axis that begins at 0: the curves leave room for their names above them.
fn with_room(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(f64::MIN_POSITIVE, f64::max) * 1.35
}

/// Without what binary fractions leave behind the third digit.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the formatter of an axis gets a reference"
)]
fn plain(number: &f64) -> String {
    ((number * 1e3).round() / 1e3).to_string()
}

fn thousands(rows: f64) -> String {
    match rows {
        1e6.. => format!("{} M", rows / 1e6),
        1e3.. => format!("{} k", rows / 1e3),
        _ => rows.to_string(),
    }
}
