//! Numbers measured several times.

use std::fmt;

/// The values of one quantity.
#[derive(Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    pub fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|other| *other < value);
        self.0.insert(at, value);
    }

    pub fn median(&self) -> f64 {
        match (self.0.len(), self.0.len() / 2) {
            (0, _) => f64::NAN,
            (len, half) if len.is_multiple_of(2) => f64::midpoint(self.0[half - 1], self.0[half]),
            (_, half) => self.0[half],
        }
    }

    /// The same with every value times `factor`.
    pub fn times(&self, factor: f64) -> Self {
        self.0.iter().map(|value| value * factor).collect()
    }

    /// `amount` divided by every value.
    pub fn per(&self, amount: f64) -> Self {
        self.0.iter().map(|value| amount / value).collect()
    }

    pub fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sample = Self::default();
        values.into_iter().for_each(|value| sample.push(value));
        sample
    }
}

/// The median, and the least and the most of more than one value: `1.20 (1.10–1.35)`.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        match self.0.len() {
            0 => f.write_str("-"),
            1 => write!(f, "{:.digits$}", self.median()),
            _ => write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median(), self.least(), self.most()),
        }
    }
}
