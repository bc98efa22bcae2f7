//! Conjunctions of guards.

use crate::value::{Guard, Guards};

/// Both conjunctions together; `None` where they cannot hold in one world.
pub fn join(first: &[Guard], second: &[Guard]) -> Option<Guards> {
    let mut out = first.to_vec();
    for guard in second {
        if out.iter().any(|g| g.excludes(guard)) {
            return None;
        }
        if !out.iter().any(|g| g.implies(guard)) {
            out.push(guard.clone());
        }
    }
    Some(out)
}

/// True where the conjunctions cannot hold in one world.
pub fn exclude(a: &[Guard], b: &[Guard]) -> bool {
    a.iter().any(|x| b.iter().any(|y| x.excludes(y)))
}

/// True where the second conjunction holds in every world in which the first does.
pub fn implies(known: &[Guard], asked: &[Guard]) -> bool {
    asked.iter().all(|a| known.iter().any(|k| k.implies(a)))
}

/// The arms of a guard's input; those that the guard does not speak of are named by what it says.
pub fn arms(guard: &Guard) -> Vec<Guard> {
    (0..guard.arms.max(guard.arm + 1))
        .map(|arm| {
            let label = if arm == guard.arm {
                guard.label.clone()
            } else {
                otherwise(&guard.label).into()
            };
            Guard {
                label,
                arm,
                ..guard.clone()
            }
        })
        .collect()
}

/// What is said where a label does not hold.
fn otherwise(label: &str) -> String {
    for (yes, no) in [(" is true", " is false"), (" is false", " is true")] {
        if let Some(rest) = label.strip_suffix(yes) {
            return format!("{rest}{no}");
        }
    }
    if let Some(plain) = label.strip_prefix("not ") {
        return plain.to_string();
    }
    match (label.split_once(" is not `"), label.split_once(" is `")) {
        (Some((what, value)), _) => format!("{what} is `{value}"),
        (None, Some((what, value))) => format!("{what} is not `{value}"),
        (None, None) => format!("not {label}"),
    }
}

/// The worlds that inputs make, each given by its arms: one arm of each input, where they can hold together.
/// `None` past the limit.
pub fn worlds(inputs: &[Vec<Guard>], limit: usize) -> Option<Vec<Guards>> {
    let mut out: Vec<Guards> = vec![Vec::new()];
    for arms in inputs {
        let mut next = Vec::new();
        for world in &out {
            for arm in arms {
                if exclude(world, std::slice::from_ref(arm)) {
                    continue;
                }
                if next.len() >= limit {
                    return None;
                }
                let mut world = world.clone();
                world.push(arm.clone());
                next.push(world);
            }
        }
        out = next;
    }
    Some(out)
}

/// The worlds in which the conjunction does not hold, as conjunctions that exclude each other.
pub fn complement(guards: &[Guard]) -> Vec<Guards> {
    let mut out = Vec::new();
    let mut held: Guards = Vec::new();
    for guard in guards {
        for arm in arms(guard).into_iter().filter(|a| a.arm != guard.arm) {
            let mut other = held.clone();
            other.push(arm);
            out.push(other);
        }
        held.push(guard.clone());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ScopeId;

    fn guard(input: &str, arm: u32, arms: u32) -> Guard {
        Guard {
            scope: ScopeId(0),
            input: input.into(),
            label: input.into(),
            arm,
            arms,
        }
    }

    #[test]
    fn a_conjunction_and_its_complement_part_all_worlds() {
        let both = [guard("a", 1, 2), guard("b", 0, 3)];
        let others = complement(&both);
        assert_eq!(others.len(), 3);
        for a in 0..2 {
            for b in 0..3 {
                let world = [guard("a", a, 2), guard("b", b, 3)];
                let held = usize::from(implies(&world, &both))
                    + others.iter().filter(|o| implies(&world, o)).count();
                assert_eq!(held, 1, "a = {a}, b = {b}");
            }
        }
        assert!(others.iter().all(|o| exclude(o, &both)));
        assert_eq!(join(&both, &[guard("a", 0, 2)]), None);
    }

    #[test]
    fn several_arms_of_an_input_are_one_with_each() {
        let some = |bits, arm| guard(&Guard::among("Env", 4, bits), arm, 2);
        let env = |arm| guard("Env", arm, 4);
        for arm in 0..4 {
            let inside = 0b0110 >> arm & 1;
            assert!(implies(&[env(arm)], &[some(0b0110, inside)]));
            assert!(exclude(&[env(arm)], &[some(0b0110, 1 - inside)]));
            assert!(!implies(&[some(0b0110, inside)], &[env(arm)]));
        }
        assert!(exclude(&[some(0b0110, 1)], &[some(0b1001, 1)]));
        assert!(implies(&[some(0b0110, 1)], &[some(0b0111, 1)]));
        assert!(implies(&[some(0b0111, 0)], &[some(0b0110, 0)]));
        assert!(!exclude(&[some(0b0110, 1)], &[some(0b1100, 1)]));
        // Of another input nothing follows.
        assert!(!exclude(&[some(0b0110, 1)], &[guard("Region", 3, 4)]));
        let inputs = [arms(&env(0)), arms(&some(0b0110, 1))];
        assert_eq!(worlds(&inputs, 64).map(|w| w.len()), Some(4));
    }

    #[test]
    fn one_input_has_one_value() {
        let is = |value: &str, arm| guard(&Guard::equality("Env", value), arm, 2);
        assert!(exclude(&[is("dev", 1)], &[is("prod", 1)]));
        assert!(!exclude(&[is("dev", 0)], &[is("prod", 0)]));
        assert!(implies(&[is("dev", 1)], &[is("prod", 0)]));
        assert!(!implies(&[is("dev", 0)], &[is("prod", 1)]));
        assert_eq!(
            join(&[is("dev", 1)], &[is("prod", 0)]),
            Some(vec![is("dev", 1)])
        );
        let inputs = ["dev", "test", "prod"].map(|v| arms(&is(v, 1)));
        // One of the three, or none of them.
        assert_eq!(worlds(&inputs, 64).map(|w| w.len()), Some(4));
        assert_eq!(worlds(&inputs, 3), None);
    }
}
