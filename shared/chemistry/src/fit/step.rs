//! One step of the fit: the least of the linearised problem within a trust region and within bounds.

use super::triangle::{Triangle, dot};

/// How far from the radius a step may end.
const SLACK: f64 = 0.1;

/// A step of the free parameters.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) step: Vec<f64>,
    /// The damping that it took.
    pub(super) damping: f64,
    /// By how much the linearised sum of squares falls.
    pub(super) promised: f64,
}

/// The room that a step has: a radius in scaled parameters, and how far each parameter may go down and up.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) scales: &'a [f64],
    pub(super) radius: f64,
    pub(super) reach: &'a [(f64, f64)],
    /// Parameters that stay where they are.
    pub(super) held: &'a [bool],
    /// The damping of the step before.
    pub(super) damping: f64,
}

/// The best step that there is room for. A parameter that would cross a bound stops at it, and the step of the others
/// is found anew. None if no finite step is found.
pub(super) fn best(triangle: &Triangle, room: &Room) -> Option<Step> {
    let size = triangle.size();
    let mut open: Vec<usize> = (0..size).filter(|&index| !room.held[index]).collect();
    let mut step = vec![0.0; size];
    let mut damping = 0.0;
    while !open.is_empty() {
        let moved = triangle.times(&step);
        let right: Vec<f64> = triangle.right().iter().zip(&moved).map(|(b, m)| b - m).collect();
        let part = triangle.of_columns(&open, &right);
        let scales: Vec<f64> = open.iter().map(|&index| room.scales[index]).collect();
        let (found, used) = within(&part, &scales, room.radius, room.damping)?;
        damping = used;
        let crosses = |index: usize, by: f64| by < room.reach[index].0 || by > room.reach[index].1;
        let crossing = open.iter().copied().zip(&found).filter(|(index, by)| crosses(*index, **by));
        let stopped: Vec<(usize, f64)> =
            crossing.map(|(index, by)| (index, by.clamp(room.reach[index].0, room.reach[index].1))).collect();
        if stopped.is_empty() {
            open.iter().zip(found).for_each(|(&index, by)| step[index] = by);
            break;
        }
        stopped.iter().for_each(|&(index, by)| step[index] = by);
        open.retain(|index| stopped.iter().all(|(other, _)| other != index));
    }
    let before = dot(triangle.right(), triangle.right());
    let left: Vec<f64> = triangle.right().iter().zip(triangle.times(&step)).map(|(b, m)| b - m).collect();
    Some(Step { step, damping, promised: before - dot(&left, &left) })
}

/// The least of the linearised problem within a radius, and its damping: Moré's search for the damping that brings the
/// step to the radius.
fn within(triangle: &Triangle, scales: &[f64], radius: f64, damping: f64) -> Option<(Vec<f64>, f64)> {
    let right = triangle.right();
    let newton = if is_singular(triangle) { None } else { triangle.solve(right) };
    let mut least = 0.0;
    if let Some(step) = newton {
        let over = length(scales, &step) - radius;
        if over <= SLACK * radius {
            return Some((step, 0.0));
        }
        least = over / (radius * slope(triangle, scales, &step)?);
    }
    let gradient = triangle.transposed_times(right);
    let steepest: Vec<f64> = gradient.iter().zip(scales).map(|(g, scale)| g / scale).collect();
    let mut most = dot(&steepest, &steepest).sqrt() / radius;
    if most == 0.0 || most.is_nan() {
        most = f64::MIN_POSITIVE / radius.min(SLACK);
    }
    let mut damping = damping.max(least).min(most);
    if damping == 0.0 {
        damping = dot(&steepest, &steepest).sqrt() / length(scales, &gradient).max(f64::MIN_POSITIVE);
    }
    for round in 0.. {
        if damping <= 0.0 || damping.is_nan() {
            damping = (0.001 * most).max(f64::MIN_POSITIVE);
        }
        let damped = triangle.damped(scales, damping.sqrt());
        let step = damped.solve(damped.right())?;
        let over = length(scales, &step) - radius;
        if over.abs() <= SLACK * radius || round == 12 || (least == 0.0 && over < 0.0 && round > 3) {
            return Some((step, damping));
        }
        let correction = over / (radius * slope(&damped, scales, &step)?);
        if over > 0.0 {
            least = least.max(damping);
        } else {
            most = most.min(damping);
        }
        damping = (damping + correction).max(least);
    }
    None
}

/// How quickly the length of a step falls with the damping, against the length itself.
fn slope(triangle: &Triangle, scales: &[f64], step: &[f64]) -> Option<f64> {
    let size = length(scales, step);
    let direction: Vec<f64> = step.iter().zip(scales).map(|(s, scale)| s * scale * (scale / size)).collect();
    let z = triangle.solve_transposed(&direction)?;
    let slope = dot(&z, &z);
    (slope.is_finite() && slope > 0.0).then_some(slope)
}

fn length(scales: &[f64], step: &[f64]) -> f64 {
    step.iter().zip(scales).map(|(s, scale)| (s * scale).powi(2)).sum::<f64>().sqrt()
}

fn is_singular(triangle: &Triangle) -> bool {
    let norms = triangle.norms();
    (0..triangle.size()).any(|index| triangle.at(index, index).abs() <= f64::EPSILON * norms[index])
}
