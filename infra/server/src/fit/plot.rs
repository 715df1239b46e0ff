//! A picture of a fit: points, curve and band, and below them the residuals.

use anyhow::Context;
use chemistry::Fit;
use chemistry::fit::CurvePoint;
use chemistry::question::Points;
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;

const SIZE: (u32, u32) = (900, 640);
/// The curve's share of the height.
const UPPER: u32 = 440;
/// The most points that are drawn; of more, every nth.
const MOST: usize = 2000;
/// Blue and orange of a palette that colour-blind people tell apart (Okabe and Ito).
const CURVE: RGBColor = RGBColor(0, 114, 178);
const POINTS: RGBColor = RGBColor(213, 94, 0);

/// Points, and the names of x and y.
type Named<'a> = (&'a Points, &'a [String; 2]);

/// Draws a fit into a file.
pub(super) fn draw(path: &Path, fit: &Fit, points: Named<'_>, curve: &[CurvePoint]) -> anyhow::Result<()> {
    let mut svg = String::new();
    picture(&mut svg, fit, points, curve).context("the fit cannot be drawn")?;
    std::fs::write(path, svg).with_context(|| format!("{} cannot be written", path.display()))
}

fn picture(svg: &mut String, fit: &Fit, (points, names): Named<'_>, curve: &[CurvePoint]) -> anyhow::Result<()> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (upper, lower) = area.split_vertically(UPPER);
    let every = points.x.len().div_ceil(MOST).max(1);
    let finite = |(x, y): (f64, f64)| (x.is_finite() && y.is_finite()).then_some((x, y));
    let shown = |values: &[f64]| -> Vec<(f64, f64)> {
        std::iter::zip(points.x.iter().copied(), values.iter().copied()).step_by(every).filter_map(finite).collect()
    };
    let (measured, left) = (shown(&points.y), shown(&fit.residuals));
    let band = || curve.iter().filter_map(|point| Some((point.x, point.lower_95?, point.upper_95?)));
    let x = room(measured.iter().map(|point| point.0));
    let ends = curve.iter().map(|point| point.y).chain(band().flat_map(|(_, lower, upper)| [lower, upper]));
    let y = room(measured.iter().map(|point| point.1).chain(ends));
    let mut chart = ChartBuilder::on(&upper)
        .caption(format!("{}: {}", fit.model, fit.formula), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(72)
        .build_cartesian_2d(x.clone(), y)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).y_desc(names[1].as_str()).draw()?;
    let there = band().map(|(x, lower, _)| (x, lower));
    let back: Vec<_> = band().map(|(x, _, upper)| (x, upper)).collect();
    let outline: Vec<_> = there.chain(back.into_iter().rev()).collect();
    chart.draw_series(std::iter::once(Polygon::new(outline, CURVE.mix(0.15))))?;
    let line = curve.iter().filter_map(|point| finite((point.x, point.y)));
    chart.draw_series(LineSeries::new(line, CURVE.stroke_width(2)))?;
    chart.draw_series(measured.iter().map(|point| Circle::new(*point, 3, POINTS.filled())))?;
    let mut chart = ChartBuilder::on(&lower)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(72)
        .build_cartesian_2d(x.clone(), room(left.iter().map(|point| point.1).chain([0.0])))?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc(names[0].as_str()).y_desc("residual").draw()?;
    chart.draw_series(LineSeries::new([(x.start, 0.0), (x.end, 0.0)], BLACK))?;
    chart.draw_series(left.iter().map(|point| Circle::new(*point, 3, POINTS.filled())))?;
    area.present()?;
    Ok(())
}

/// A range that covers all values, with some margin.
fn room(values: impl Iterator<Item = f64>) -> Range<f64> {
    let values = values.filter(|value| value.is_finite());
    let (least, most) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    if least > most {
        return 0.0..1.0;
    }
    let spare = match (most - least) * 0.05 {
        0.0 => least.abs().max(1.0) * 0.05,
        spare => spare,
    };
    least - spare..most + spare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_all_that_is_finite() {
        assert_eq!(room([0.0, f64::NAN, 10.0, f64::INFINITY].into_iter()), -0.5..10.5);
        assert_eq!(room([0.0].into_iter()), -0.05..0.05);
        assert_eq!(room(std::iter::empty()), 0.0..1.0);
    }
}
