//! Conjunctions of guards.

use crate::value::{Guard, Guards};

/// Both conjunctions together; `None` where they cannot hold in one world.
pub fn join(first: &[Guard], second: &[Guard]) -> Option<Guards> {
    let mut out = first.to_vec();
    for guard in second {
        match out
            .iter()
            .find(|g| g.scope == guard.scope && g.input == guard.input)
        {
            Some(earlier) if earlier.arm != guard.arm => return None,
            Some(_) => {}
            None => out.push(guard.clone()),
        }
    }
    Some(out)
}
