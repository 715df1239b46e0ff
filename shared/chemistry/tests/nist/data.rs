//! Reads NIST's files.

/// A set with what is certified of it.
pub(crate) struct Certified {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rss: f64,
    pub(crate) residual_sd: f64,
}

/// A certified parameter.
pub(crate) struct Parameter {
    pub(crate) starts: [f64; 2],
    pub(crate) value: f64,
    pub(crate) standard_error: f64,
}

/// Reads a file: lines such as `b1 = start start value error`, two sums, and columns of y and x.
pub(crate) fn read(text: &str) -> Certified {
    let mut set = Certified { x: vec![], y: vec![], parameters: vec![], rss: f64::NAN, residual_sd: f64::NAN };
    let mut is_data = false;
    for line in text.lines() {
        let after = |label: &str| line.strip_prefix(label).map(str::trim);
        if is_data {
            if let [y, x] = numbers(line)[..] {
                set.y.push(y);
                set.x.push(x);
            }
        } else if let Some(rss) = after("Residual Sum of Squares:") {
            set.rss = rss.parse().unwrap();
        } else if let Some(deviation) = after("Residual Standard Deviation:") {
            set.residual_sd = deviation.parse().unwrap();
        } else if let Some((name, rest)) = line.split_once('=')
            && name.trim().starts_with('b')
        {
            let [first, second, value, standard_error] = numbers(rest)[..] else { continue };
            set.parameters.push(Parameter { starts: [first, second], value, standard_error });
        }
        is_data |= line.starts_with("Data:") && line.contains('y') && line.ends_with('x');
    }
    set
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().map_while(|word| word.parse().ok()).collect()
}
