//! Rounds in turns: what drifts hits both sides alike.

use anyhow::Result;

/// One figure a round of each side.
#[derive(Debug)]
pub(crate) struct Compared {
    ours: Vec<f64>,
    floor: Vec<f64>,
}

impl Compared {
    /// Measures both sides in turns, after one round that warms up; they take turns at going first, too.
    pub(crate) fn measure(
        rounds: usize,
        mut ours: impl FnMut() -> Result<f64>,
        mut floor: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        ours()?;
        floor()?;
        let mut compared = Self {
            ours: Vec::new(),
            floor: Vec::new(),
        };
        for round in 0..rounds {
            if round % 2 == 0 {
                compared.ours.push(ours()?);
                compared.floor.push(floor()?);
            } else {
                compared.floor.push(floor()?);
                compared.ours.push(ours()?);
            }
        }
        Ok(compared)
    }

    pub(crate) fn ours(&self) -> f64 {
        median(&self.ours)
    }

    pub(crate) fn floor(&self) -> f64 {
        median(&self.floor)
    }

    /// The median of what ours is over the other's within each round: a busy minute has both of a round in it.
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.ratios())
    }

    /// The middle half of the ratios within the rounds.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let mut ratios = self.ratios();
        ratios.sort_by(f64::total_cmp);
        let quarter = ratios.len() / 4;
        (ratios[quarter], ratios[ratios.len() - 1 - quarter])
    }

    fn ratios(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.floor);
        rounds.map(|(ours, floor)| ours / floor).collect()
    }
}

/// The middle one; of none, nothing sensible.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    sorted.get(middle).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_outliers_do_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let (mut a, mut b) = (
            [9.0, 2.0, 900.0, 2.0].into_iter(),
            [9.0, 1.0, 1.0, 1.0].into_iter(),
        );
        let compared = Compared::measure(
            3,
            || {
                order.borrow_mut().push('a');
                Ok(a.next().unwrap())
            },
            || {
                order.borrow_mut().push('b');
                Ok(b.next().unwrap())
            },
        );
        assert_eq!(order.into_inner(), "ababbaab");
        assert!((compared.unwrap().ratio() - 2.0).abs() < 1e-9);
    }
}
