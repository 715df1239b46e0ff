//! Student's t.

/// Beyond this many degrees of freedom t is that of the normal distribution to seven digits.
const MANY: f64 = 1e7;

/// The t that a share `level` of Student's distribution lies within, on both sides of zero. None without degrees of
/// freedom.
pub(super) fn student_t(level: f64, degrees_of_freedom: usize) -> Option<f64> {
    if degrees_of_freedom == 0 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let freedom = (degrees_of_freedom as f64).min(MANY);
    let outside = |t: f64| incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    let mut high = 1.0;
    while outside(high) > 1.0 - level && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        *if outside(middle) > 1.0 - level { &mut low } else { &mut high } = middle;
    }
    Some(0.5 * (low + high))
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    front / fraction(a, b, x)
}

/// The continued fraction, by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut fraction, mut c, mut d) = (1.0, 1.0, 0.0);
    for step in 1..10_000 {
        let m = f64::from(step / 2);
        let term = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away(1.0 + term * d);
        c = away(1.0 + term / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function of a positive number, by Stirling's series.
fn ln_gamma(x: f64) -> f64 {
    // The series is good to 16 digits from 10 on; smaller numbers are raised to there.
    let (mut x, mut below) = (x, 1.0);
    while x < 10.0 {
        below *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let coefficients =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    let series = coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - f64::ln(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of `scipy.stats.t.ppf(0.975, df)`.
    #[test]
    fn student_is_as_in_tables() {
        for (freedom, right) in T_975 {
            let t = student_t(0.95, freedom).unwrap();
            assert!((t / right - 1.0).abs() < 1e-9, "{freedom}: {t}");
        }
        assert!((student_t(0.99, 7).unwrap() - T_995_7).abs() < 1e-9);
        assert_eq!(student_t(0.95, 0), None);
    }

    const T_975: [(usize, f64); 10] = [
        (1, 12.706204736174694),
        (2, 4.302652729749462),
        (3, 3.1824463052837078),
        (4, 2.7764451051977934),
        (7, 2.364624251592784),
        (12, 2.1788128296672284),
        (30, 2.0422724563012378),
        (100, 1.9839715185235518),
        (1_234, 1.9618882634586987),
        (1_000_000, 1.959966356814107),
    ];
    const T_995_7: f64 = 3.4994832973504924;
}
