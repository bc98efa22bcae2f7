//! Exact search over a request space: the cheapest request that passes, or the proof that there is none.
//!
//! Depth first over the classes of each variable, with three-valued pruning and a bound on the cost. The
//! budget is counted in states, so that the answer is the same on every machine.

use super::space::Variable;
use super::Match;

/// Outcome of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchResult {
    /// Position of the chosen class of each variable; no cheaper assignment passes.
    Found { classes: Vec<usize>, cost: u64 },
    /// No assignment passes.
    None,
    /// The budget ran out; `best` passes, if there is one, but a cheaper one may exist.
    Undecided { best: Option<Vec<usize>> },
}

struct Search<'s> {
    variables: &'s [Variable],
    decide: &'s mut dyn FnMut(&[Option<usize>]) -> Match,
    /// Classes of each variable, cheapest first.
    order: Vec<Vec<usize>>,
    /// Cheapest cost of the variables from a position on.
    rest: Vec<u64>,
    states: usize,
    budget: usize,
    doubtful: bool,
    best: Option<(u64, Vec<usize>)>,
}

/// Searches for the cheapest full assignment for which `decide` says yes.
///
/// `decide` gets a partial assignment and answers for all its completions: `Yes` all pass, `No` none does,
/// `Unknown` otherwise. A full assignment that stays `Unknown` makes a search without a find undecided.
pub fn search(
    variables: &[Variable],
    budget: usize,
    decide: &mut dyn FnMut(&[Option<usize>]) -> Match,
) -> SearchResult {
    let order: Vec<Vec<usize>> = variables
        .iter()
        .map(|variable| {
            let mut order: Vec<usize> = (0..variable.classes.len()).collect();
            order.sort_by_key(|class| variable.cost(*class));
            order
        })
        .collect();
    let mut rest = vec![0u64; variables.len() + 1];
    let mut sum = 0u64;
    for (position, variable) in variables.iter().enumerate().rev() {
        sum = sum.saturating_add(variable.classes.iter().map(|c| u64::from(c.cost)).min().unwrap_or(0));
        if let Some(cell) = rest.get_mut(position) {
            *cell = sum;
        }
    }
    let mut search =
        Search { variables, decide, order, rest, states: 0, budget, doubtful: false, best: None };
    let mut chosen = vec![None; variables.len()];
    let finished = search.descend(0, 0, &mut chosen);
    match (finished, search.best) {
        (true, Some((cost, classes))) => SearchResult::Found { classes, cost },
        (true, None) if !search.doubtful => SearchResult::None,
        (_, best) => SearchResult::Undecided { best: best.map(|(_, classes)| classes) },
    }
}

impl Search<'_> {
    /// False when the budget ran out.
    fn descend(&mut self, depth: usize, cost: u64, chosen: &mut Vec<Option<usize>>) -> bool {
        // The variables are few and bounded by the caller; each one is a level of recursion.
        let rest = self.rest.get(depth).copied().unwrap_or(0);
        if self.best.as_ref().is_some_and(|(best, _)| cost.saturating_add(rest) >= *best) {
            return true;
        }
        if self.states >= self.budget {
            return false;
        }
        self.states += 1;
        match (self.decide)(chosen) {
            Match::No => return true,
            Match::Yes => {
                let completion: Option<Vec<usize>> = chosen
                    .iter()
                    .zip(&self.order)
                    .map(|(class, order)| class.or_else(|| order.first().copied()))
                    .collect();
                if let Some(completion) = completion {
                    self.best = Some((cost.saturating_add(rest), completion));
                }
                return true;
            }
            Match::Unknown => {}
        }
        if depth == self.variables.len() {
            self.doubtful = true;
            return true;
        }
        let classes = self.order.get(depth).cloned().unwrap_or_default();
        for class in classes {
            let own = self.variables.get(depth).map_or(0, |v| u64::from(v.cost(class)));
            if let Some(cell) = chosen.get_mut(depth) {
                *cell = Some(class);
            }
            let finished = self.descend(depth + 1, cost.saturating_add(own), chosen);
            if let Some(cell) = chosen.get_mut(depth) {
                *cell = None;
            }
            if !finished {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::Class;
    use super::super::ContextValue;
    use super::*;

    fn variable(costs: &[u32]) -> Variable {
        let classes = costs.iter().map(|cost| Class { value: ContextValue::Absent, cost: *cost }).collect();
        Variable { name: "x".into(), classes }
    }

    #[test]
    fn cheapest_or_proof_or_budget() {
        let variables = [variable(&[0, 5, 1]), variable(&[0, 1]), variable(&[0, 3])];
        // The first and the second must not both be plain.
        let mut rule = |chosen: &[Option<usize>]| match (chosen[0], chosen[1]) {
            (Some(0), Some(0)) => Match::No,
            (Some(_), Some(_)) => Match::Yes,
            _ => Match::Unknown,
        };
        assert_eq!(search(&variables, 1000, &mut rule), SearchResult::Found { classes: vec![0, 1, 0], cost: 1 });
        assert_eq!(search(&variables, 1000, &mut |_| Match::No), SearchResult::None);
        assert_eq!(search(&variables, 2, &mut rule), SearchResult::Undecided { best: None });
        assert_eq!(search(&variables, 1000, &mut |_| Match::Unknown), SearchResult::Undecided { best: None });
    }

    #[test]
    fn agrees_with_enumeration() {
        let variables = [variable(&[0, 2, 7]), variable(&[0, 4, 3]), variable(&[0, 1, 1])];
        for table in 0..2000u32 {
            // A pseudo-random set of passing assignments.
            let passes = |c: &[usize]| {
                let code = (c[0] * 9 + c[1] * 3 + c[2]) as u32;
                (code.wrapping_mul(2_654_435_761).wrapping_add(table.wrapping_mul(40_503)) >> 20) % 11 == 0
            };
            let all: Vec<Vec<usize>> = (0..27).map(|n| vec![n / 9, n / 3 % 3, n % 3]).collect();
            let mut decide = |chosen: &[Option<usize>]| {
                let fits = |c: &&Vec<usize>| chosen.iter().zip(c.iter()).all(|(a, b)| a.is_none_or(|a| a == *b));
                let good = all.iter().filter(fits).filter(|c| passes(c)).count();
                match (good, all.iter().filter(fits).count()) {
                    (0, _) => Match::No,
                    (n, m) if n == m => Match::Yes,
                    _ => Match::Unknown,
                }
            };
            let cost = |c: &[usize]| -> u64 { c.iter().zip(&variables).map(|(c, v)| u64::from(v.cost(*c))).sum() };
            let best = all.iter().filter(|c| passes(c)).map(|c| cost(c)).min();
            match search(&variables, 10_000, &mut decide) {
                SearchResult::Found { classes, cost: found } => {
                    assert!(passes(&classes));
                    assert_eq!(cost(&classes), found);
                    assert_eq!(Some(found), best);
                }
                SearchResult::None => assert_eq!(best, None),
                SearchResult::Undecided { .. } => panic!("budget"),
            }
        }
    }
}
