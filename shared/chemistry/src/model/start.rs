//! What finds starting values: straight lines, and a search along one parameter.

/// Points that a fit uses: x, y and weight of each, all of one length. Of a very long series a fit passes some points
/// that stand evenly in it.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// The x values, finite.
    pub x: &'a [f64],
    /// The y values, finite.
    pub y: &'a [f64],
    /// The weights of squared residuals, above zero.
    pub weights: &'a [f64],
}

/// Values tried along the searched parameter, evenly on a logarithmic scale.
const GRID: usize = 90;
/// Steps that narrow the best one down: to a thousandth of a step of the grid.
const NARROWINGS: usize = 16;

impl Points<'_> {
    /// The points: x, y, weight.
    pub fn iter(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.x.iter().zip(self.y).zip(self.weights).map(|((&x, &y), &weight)| (x, y, weight))
    }

    /// The smallest and the largest |x| other than zero.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let sizes = || self.x.iter().map(|x| x.abs()).filter(|&x| x > 0.0);
        let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
        (most > 0.0).then_some((least, most))
    }

    /// The smallest and the largest x. None if they are the same.
    pub fn range(&self) -> Option<(f64, f64)> {
        let least = self.x.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least < most).then_some((least, most))
    }

    /// Intercept and slope of the weighted straight line through `place(x, y)`. None if all stand at one place.
    pub fn straight(&self, place: impl Fn(f64, f64) -> (f64, f64)) -> Option<(f64, f64)> {
        let placed = || {
            self.iter().filter_map(|(x, y, weight)| {
                let (u, v) = place(x, y);
                (u.is_finite() && v.is_finite()).then_some((u, v, weight))
            })
        };
        let total: f64 = placed().map(|(.., weight)| weight).sum();
        let (mean_u, mean_v) =
            placed().fold((0.0, 0.0), |(a, b), (u, v, weight)| (a + u * (weight / total), b + v * (weight / total)));
        let (uu, uv) = placed().fold((0.0, 0.0), |(uu, uv), (u, v, weight)| {
            (uu + weight * (u - mean_u).powi(2), uv + weight * (u - mean_u) * (v - mean_v))
        });
        let slope = uv / uu;
        let intercept = mean_v - slope * mean_u;
        (slope.is_finite() && intercept.is_finite()).then_some((intercept, slope))
    }

    /// The best factor a >= 0 and rate b > 0 of y = a shape(x, b), with b between `lowest` and `highest`.
    ///
    /// For each b the best a follows at once, so that only b has to be searched: on a grid first, which no local
    /// minimum can trap, and between the neighbours of the best one then.
    pub fn factor_and_rate(&self, lowest: f64, highest: f64, shape: impl Fn(f64, f64) -> f64) -> Option<(f64, f64)> {
        let (low, high) = (lowest.max(f64::MIN_POSITIVE).ln(), highest.min(f64::MAX).ln());
        let step = (high - low) / (GRID - 1) as f64;
        if step <= 0.0 || step.is_nan() {
            return None;
        }
        let gain = |log: f64| self.factor(|x| shape(x, log.exp())).map_or(f64::NEG_INFINITY, |(_, gain)| gain);
        let tried = (0..GRID).map(|index| low + step * index as f64).map(|log| (log, gain(log)));
        let (mut best, mut most) =
            tried.fold((low, f64::NEG_INFINITY), |best, tried| if tried.1 > best.1 { tried } else { best });
        let mut reach = step;
        for _ in 0..NARROWINGS {
            reach *= 0.6;
            for log in [best - reach, best + reach] {
                let found = gain(log);
                if found > most {
                    (best, most) = (log, found);
                }
            }
        }
        let rate = best.exp();
        let (factor, _) = self.factor(|x| shape(x, rate))?;
        Some((factor, rate))
    }

    /// The best factor >= 0 of a shape, and by how much it lowers the sum of squares.
    fn factor(&self, shape: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
        let (ss, sy) = self.iter().fold((0.0, 0.0), |(ss, sy), (x, y, weight)| {
            let s = shape(x);
            (ss + weight * s * s, sy + weight * s * y)
        });
        let factor = (sy / ss).max(0.0);
        let gain = factor * sy;
        (ss > 0.0 && factor.is_finite() && gain.is_finite()).then_some((factor, gain))
    }
}
