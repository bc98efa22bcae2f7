//! The search against enumeration: arbitrary costs, and an arbitrary table of which requests pass.
#![no_main]

use iaclint::decision::search::{SearchResult, search};
use iaclint::decision::space::{Class, Variable};
use iaclint::decision::{ContextValue, Match};

/// Classes of each variable.
const SIZES: [usize; 4] = [3, 2, 4, 3];
const REQUESTS: usize = 3 * 2 * 4 * 3;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let costs = 12;
    if data.len() < costs + REQUESTS / 8 {
        return;
    }
    let (costs, table) = data.split_at(costs);
    let mut costs = costs.iter();
    let variables: Vec<Variable> = SIZES
        .iter()
        .map(|size| Variable {
            name: "v".into(),
            classes: (0..*size)
                .map(|_| Class {
                    value: ContextValue::Absent,
                    cost: u32::from(*costs.next().unwrap_or(&0)),
                })
                .collect(),
        })
        .collect();
    let passes = |request: usize| table[request / 8] >> (request % 8) & 1 == 1;
    // All requests with their classes.
    let requests: Vec<Vec<usize>> = (0..REQUESTS)
        .map(|mut n| {
            SIZES
                .iter()
                .map(|size| {
                    let class = n % size;
                    n /= size;
                    class
                })
                .collect()
        })
        .collect();
    let mut decide = |chosen: &[Option<usize>]| {
        let mut answers = requests
            .iter()
            .enumerate()
            .filter(|(_, r)| chosen.iter().zip(*r).all(|(c, r)| c.is_none_or(|c| c == *r)))
            .map(|(n, _)| passes(n));
        let first = answers.next().unwrap_or(false);
        match (answers.all(|a| a == first), first) {
            (true, true) => Match::Yes,
            (true, false) => Match::No,
            (false, _) => Match::Unknown,
        }
    };
    let cost = |classes: &[usize]| -> u64 {
        let each = variables.iter().zip(classes);
        each.map(|(v, c)| u64::from(v.cost(*c))).sum()
    };
    let cheapest = (0..REQUESTS).filter(|n| passes(*n)).map(|n| cost(&requests[n])).min();
    match search(&variables, 1_000_000, &mut decide) {
        SearchResult::Found { classes, cost: said } => {
            assert_eq!(Some(said), cheapest);
            assert_eq!(cost(&classes), said);
            let at = requests.iter().position(|r| *r == classes);
            assert!(at.is_some_and(passes), "the witness does not pass");
        }
        SearchResult::None => assert_eq!(cheapest, None),
        SearchResult::Undecided { .. } => panic!("the budget is enough"),
    }
});
