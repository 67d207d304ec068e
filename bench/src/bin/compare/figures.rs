//! One figure over several rounds.

use std::fmt;

/// The values of a figure in each round.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The value in the middle; not a number if there is none.
    pub(crate) fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => self.0[n / 2],
            n => f64::midpoint(self.0[n / 2 - 1], self.0[n / 2]),
        }
    }
}

/// `median (least–greatest)`
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("–"),
            [one] => f.write_str(&short(*one)),
            [least, .., greatest] => {
                write!(f, "{} ({}–{})", short(self.median()), short(*least), short(*greatest))
            }
        }
    }
}

/// Three digits that matter, thousands apart.
pub(crate) fn short(value: f64) -> String {
    match value {
        value if !value.is_finite() => "–".into(),
        value if value < 0.1 => format!("{value:.4}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => apart(value.round() as u64),
    }
}

/// A whole number, thousands apart.
pub(crate) fn apart(value: u64) -> String {
    if value < 1000 { value.to_string() } else { format!("{} {:03}", apart(value / 1000), value % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_median_and_the_ends() {
        let mut figures = Figures::default();
        assert_eq!(figures.to_string(), "–");
        for value in [3.0, 1234.5, 22.0] {
            figures.add(value);
        }
        assert_eq!(figures.to_string(), "22.0 (3.00–1 235)");
        figures.add(24.0);
        assert!((figures.median() - 23.0).abs() < 1e-9);
    }
}
