//! Exact search over a request space: the cheapest request that passes, or the proof that there is none.
//!
//! Depth first over the classes of each variable, with three-valued pruning and a bound on the cost. A search that
//! is not soon done looks ahead: a class that fails whatever the others are is dropped for all that follow. The
//! budget is counted in states, so that the answer is the same on every machine.

use super::Match;
use super::space::Variable;

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
    /// Look ahead.
    ahead: bool,
    best: Option<(u64, Vec<usize>)>,
}

/// States after which a search looks ahead.
const SOON: usize = 128;
/// Variables after whose choice it does.
const AHEAD: usize = 3;

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
        sum = sum.saturating_add(
            variable
                .classes
                .iter()
                .map(|c| u64::from(c.cost))
                .min()
                .unwrap_or(0),
        );
        if let Some(cell) = rest.get_mut(position) {
            *cell = sum;
        }
    }
    let mut search = Search {
        variables,
        decide,
        order,
        rest,
        states: 0,
        budget,
        doubtful: false,
        ahead: false,
        best: None,
    };
    let mut chosen = vec![None; variables.len()];
    search.budget = budget.min(SOON);
    let mut finished = search.descend(0, 0, &mut chosen);
    if !finished && budget > SOON {
        search.budget = budget;
        search.doubtful = false;
        search.ahead = true;
        finished = search.descend(0, 0, &mut chosen);
    }
    match (finished, search.best) {
        (true, Some((cost, classes))) => SearchResult::Found { classes, cost },
        (true, None) if !search.doubtful => SearchResult::None,
        (_, best) => SearchResult::Undecided {
            best: best.map(|(_, classes)| classes),
        },
    }
}

impl Search<'_> {
    /// False when the budget ran out.
    fn descend(&mut self, depth: usize, cost: u64, chosen: &mut Vec<Option<usize>>) -> bool {
        // The variables are few and bounded by the caller; each one is a level of recursion.
        let rest = self.rest.get(depth).copied().unwrap_or(0);
        if self
            .best
            .as_ref()
            .is_some_and(|(best, _)| cost.saturating_add(rest) >= *best)
        {
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
        let before = match self.ahead && depth < AHEAD {
            true => match self.look_ahead(depth, chosen) {
                Some(before) => before,
                None => return false,
            },
            false => Vec::new(),
        };
        let finished = self.try_classes(depth, cost, chosen);
        for (at, classes) in before {
            if let Some(order) = self.order.get_mut(at) {
                *order = classes;
            }
        }
        finished
    }

    /// Drops the classes of the variables from a depth on that fail whatever the others are; returns what stood there
    /// before. `None` when the budget ran out.
    fn look_ahead(
        &mut self,
        depth: usize,
        chosen: &mut [Option<usize>],
    ) -> Option<Vec<(usize, Vec<usize>)>> {
        let mut before = Vec::new();
        for at in depth..self.variables.len() {
            let classes = self.order.get(at).cloned().unwrap_or_default();
            let mut kept = Vec::with_capacity(classes.len());
            for class in &classes {
                if self.states >= self.budget {
                    // What was dropped stays dropped: it fails whatever follows, and nothing does.
                    return None;
                }
                self.states += 1;
                if let Some(cell) = chosen.get_mut(at) {
                    *cell = Some(*class);
                }
                if (self.decide)(chosen) != Match::No {
                    kept.push(*class);
                }
            }
            if let Some(cell) = chosen.get_mut(at) {
                *cell = None;
            }
            let none = kept.is_empty();
            if let Some(order) = self.order.get_mut(at) {
                *order = kept;
            }
            before.push((at, classes));
            if none {
                break;
            }
        }
        Some(before)
    }

    /// The classes of one variable in turn. False when the budget ran out.
    fn try_classes(&mut self, depth: usize, cost: u64, chosen: &mut Vec<Option<usize>>) -> bool {
        // Where a later variable has no class left, nothing passes.
        if self.order.iter().skip(depth).any(Vec::is_empty) {
            return true;
        }
        let classes = self.order.get(depth).cloned().unwrap_or_default();
        for class in classes {
            let own = self
                .variables
                .get(depth)
                .map_or(0, |v| u64::from(v.cost(class)));
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
    use super::super::ContextValue;
    use super::super::space::Class;
    use super::*;

    fn variable(costs: &[u32]) -> Variable {
        let classes = costs
            .iter()
            .map(|cost| Class {
                value: ContextValue::Absent,
                cost: *cost,
            })
            .collect();
        Variable {
            name: "x".into(),
            classes,
        }
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
        assert_eq!(
            search(&variables, 1000, &mut rule),
            SearchResult::Found {
                classes: vec![0, 1, 0],
                cost: 1
            }
        );
        assert_eq!(
            search(&variables, 1000, &mut |_| Match::No),
            SearchResult::None
        );
        assert_eq!(
            search(&variables, 2, &mut rule),
            SearchResult::Undecided { best: None }
        );
        assert_eq!(
            search(&variables, 1000, &mut |_| Match::Unknown),
            SearchResult::Undecided { best: None }
        );
    }

    /// A pseudo-random set of passing assignments, searched and enumerated.
    fn compare(variables: &[Variable], table: u32, share: u32) {
        let count = 3usize.pow(variables.len() as u32);
        let assignment = |n: usize| -> Vec<usize> {
            (0..variables.len() as u32)
                .map(|at| n / 3usize.pow(at) % 3)
                .collect()
        };
        let passes = |n: usize| {
            let mixed = (n as u32)
                .wrapping_mul(2_654_435_761)
                .wrapping_add(table.wrapping_mul(40_503));
            (mixed >> 20).is_multiple_of(share)
        };
        let all: Vec<(Vec<usize>, bool)> = (0..count).map(|n| (assignment(n), passes(n))).collect();
        let mut decide = |chosen: &[Option<usize>]| {
            let fits = |(c, _): &&(Vec<usize>, bool)| {
                chosen.iter().zip(c).all(|(a, b)| a.is_none_or(|a| a == *b))
            };
            let good = all
                .iter()
                .filter(fits)
                .filter(|(_, passes)| *passes)
                .count();
            match (good, all.iter().filter(fits).count()) {
                (0, _) => Match::No,
                (n, m) if n == m => Match::Yes,
                _ => Match::Unknown,
            }
        };
        let cost = |c: &[usize]| -> u64 {
            c.iter()
                .zip(variables)
                .map(|(c, v)| u64::from(v.cost(*c)))
                .sum()
        };
        let passing = all.iter().filter(|(_, passes)| *passes);
        let best = passing.map(|(c, _)| cost(c)).min();
        match search(variables, 10_000, &mut decide) {
            SearchResult::Found {
                classes,
                cost: found,
            } => {
                assert!(all.contains(&(classes.clone(), true)));
                assert_eq!(cost(&classes), found);
                assert_eq!(Some(found), best);
            }
            SearchResult::None => assert_eq!(best, None),
            SearchResult::Undecided { .. } => panic!("budget"),
        }
    }

    #[test]
    fn agrees_with_enumeration() {
        let few = [
            variable(&[0, 2, 7]),
            variable(&[0, 4, 3]),
            variable(&[0, 1, 1]),
        ];
        for table in 0..2000 {
            compare(&few, table, 11);
        }
        // Enough to look ahead.
        let many = [
            variable(&[0, 9, 7]),
            variable(&[0, 4, 3]),
            variable(&[0, 5, 1]),
            variable(&[0, 2, 6]),
            variable(&[8, 2, 1]),
        ];
        for table in 0..120 {
            compare(&many, table, 11);
            compare(&many, table, 97);
        }
    }

    #[test]
    fn looks_ahead_to_a_variable_that_fails_alone() {
        // Nine variables of three classes before one whose every class fails: 3^9 assignments without looking ahead.
        let mut variables: Vec<Variable> = (0..9).map(|_| variable(&[0, 1, 1])).collect();
        variables.push(variable(&[0, 1]));
        let mut states = 0;
        let found = search(&variables, 20_000, &mut |chosen| {
            states += 1;
            match chosen.last() {
                Some(Some(_)) => Match::No,
                _ => Match::Unknown,
            }
        });
        assert_eq!(found, SearchResult::None);
        assert!(states < 300, "{states}");
    }
}
