//! Conditions: what is known picks a branch, what is not becomes a choice that is the same wherever it is asked.
//!
//! A condition over a parameter with few allowed values is a choice over that parameter; any other unknown
//! condition is a choice over its own name.

use std::sync::Arc;

use super::choice;
use super::evaluate::{Evaluator, text_of};
use crate::source::GapKind;
use crate::value::{
    Arm, Guard, Guards, Map, Piece, Place, Symbol, SymbolKind, Text, Unknown, Value, ValueKind,
};

/// The symbol that the whole text is.
fn only_symbol(text: &Text) -> Option<&Symbol> {
    match text.pieces() {
        [Piece::Unknown(Unknown { symbol, .. })] => symbol.as_deref(),
        _ => None,
    }
}

/// Leaves that a branch may have before its test is simplified.
const LEAVES: usize = 256;

impl Evaluator<'_, '_> {
    /// The value of a named condition: true, false, or a choice between them.
    pub fn condition(&self, name: &str, place: &Place) -> Value {
        let value = self.settled(name, place);
        self.under_assumption(&value)
    }

    fn settled(&self, name: &str, place: &Place) -> Value {
        let template = self.template;
        let name: Arc<str> =
            super::for_each::fill(name, &self.loops).map_or_else(|| name.into(), Arc::from);
        if let Some(known) = template.settled.borrow().get(&name) {
            return known
                .clone()
                .unwrap_or_else(|| self.unsettled(&name, place));
        }
        let Some(entry) = template.condition(&name) else {
            self.run.gap(
                GapKind::Unknown,
                format!("condition {name}"),
                "not declared in the template",
                place,
            );
            return self.unsettled(&name, place);
        };
        template.settled.borrow_mut().insert(name.clone(), None);
        let inner = Evaluator {
            assumed: Guards::new(),
            ..self.within(entry)
        };
        let value = inner.value(&entry.node);
        let value = self.decided(&name, &value, place);
        template
            .settled
            .borrow_mut()
            .insert(name, Some(value.clone()));
        value
    }

    /// The value with every leaf that is neither true nor false made the choice over the condition's name.
    fn decided(&self, name: &str, value: &Value, place: &Place) -> Value {
        match &value.kind {
            ValueKind::Choice(arms) => {
                let arms = arms
                    .iter()
                    .map(|a| Arm {
                        guard: a.guard.clone(),
                        value: self.decided(name, &a.value, place),
                    })
                    .collect();
                choice::choice(arms, value.place.clone())
            }
            _ => match value.as_bool() {
                Some(known) => Value::bool(known, value.place.clone()),
                None => self.unsettled(name, place),
            },
        }
    }

    fn unsettled(&self, name: &str, place: &Place) -> Value {
        self.two_ways(
            format!("condition {}{name}", self.template.prefix),
            format!("condition `{}{name}`", self.template.prefix),
            place,
        )
    }

    fn two_ways(&self, input: String, what: String, place: &Place) -> Value {
        let input: Arc<str> = input.into();
        let arm = |arm: u32, said: &str, value: bool| Arm {
            guard: Guard {
                scope: self.template.scope,
                input: input.clone(),
                label: format!("{what} is {said}").into(),
                arm,
                arms: 2,
            },
            value: Value::bool(value, place.clone()),
        };
        Value::new(
            ValueKind::Choice(Arc::new(vec![arm(1, "true", true), arm(0, "false", false)])),
            place.clone(),
        )
    }

    /// The condition that `Fn::If` or a resource names, or an inline test.
    pub fn test(&self, node: &Value) -> Value {
        match node.as_str() {
            Some("true") => Value::bool(true, node.place.clone()),
            Some("false") => Value::bool(false, node.place.clone()),
            Some(name) => self.condition(name, &node.place),
            None => {
                let value = self.value(node);
                // A name that a reference or a loop gave.
                if let Some(name) = value.as_str()
                    && self.template.condition(name).is_some()
                {
                    return self.condition(name, &node.place);
                }
                let name = match &value.kind {
                    ValueKind::Unknown(unknown) => unknown.reason.to_string(),
                    _ => format!(
                        "at byte {} of {}",
                        node.place.span.start, self.template.path
                    ),
                };
                self.decided(&name, &value, &node.place)
            }
        }
    }

    /// An operand of `Fn::And`, `Fn::Or`, `Fn::Not`: what is not known stays so, to be settled under the name of
    /// the whole condition.
    fn operand(&self, node: &Value) -> Value {
        if node.as_str().is_some() {
            self.test(node)
        } else {
            self.value(node)
        }
    }

    /// `Fn::If`; an arm without a value is `Null` where the other has one.
    pub fn branch(&self, operand: &Value, node: &Value) -> Option<Value> {
        let Some([test, yes, no]) = operand.as_items() else {
            return Some(self.not_understood("Fn::If", "takes a condition and two values", node));
        };
        let name = test.as_str().map_or_else(
            || format!("at byte {}", node.place.span.start),
            str::to_string,
        );
        let mut test = self.test(test);
        match test.as_bool() {
            Some(true) => return self.evaluate(yes),
            Some(false) => return self.evaluate(no),
            None => {}
        }
        let yes = self.evaluate(yes);
        let no = self.evaluate(no);
        if yes.is_none() && no.is_none() {
            return None;
        }
        let null = || Value::null(node.place.clone());
        let (yes, no) = (yes.unwrap_or_else(null), no.unwrap_or_else(null));
        // A test over several inputs repeats the values: past the limit its own name stands for it.
        if leaves(&test).saturating_mul(leaves(&yes) + leaves(&no)) > LEAVES && leaves(&test) > 2 {
            test = self.unsettled(&name, &node.place);
        }
        Some(pick(&test, &yes, &no, &node.place))
    }

    /// `Condition` of a resource: `None` where it never exists, else the guards under which it does.
    pub fn guards_of(&self, condition: &Value) -> Option<Guards> {
        let test = self.test(condition);
        if let Some(known) = test.as_bool() {
            return known.then(Guards::new);
        }
        let true_arms: Vec<Guards> = test
            .arms()
            .into_iter()
            .filter(|(_, v)| v.as_bool() == Some(true))
            .map(|(guards, _)| guards)
            .collect();
        match true_arms.as_slice() {
            [] => None,
            [guards] => Some(guards.clone()),
            worlds if let Some(guards) = product(worlds) => Some(guards),
            // Several worlds are no conjunction: the condition's own name stands for them.
            _ => {
                let name = condition.as_str().unwrap_or("of a resource");
                let ValueKind::Choice(arms) = self.unsettled(name, &condition.place).kind else {
                    return None;
                };
                Some(
                    arms.iter()
                        .filter(|a| a.guard.arm == 1)
                        .map(|a| a.guard.clone())
                        .collect(),
                )
            }
        }
    }

    pub fn equals(&self, operand: &Value, node: &Value) -> Value {
        let Some([left, right]) = operand.as_items() else {
            return self.not_understood("Fn::Equals", "takes two values", node);
        };
        let operands = [self.value(left), self.value(right)];
        choice::lift(&operands, &node.place, &mut |values| {
            let [left, right] = values else {
                return Value::null(node.place.clone());
            };
            match self.same(left, right) {
                Some(known) => Value::bool(known, node.place.clone()),
                None => {
                    if let Some(told) = self.compared(left, right, node) {
                        return told;
                    }
                    let said = |v: &Value| match &v.kind {
                        ValueKind::List(_) | ValueKind::Map(_) => "a collection".to_string(),
                        _ => text_of(v).display(),
                    };
                    let why = format!("{} == {} is known at deployment", said(left), said(right));
                    Value::unknown(crate::value::Unknown::because(why), node.place.clone())
                }
            }
        })
    }

    /// The comparison of an unknown input with a written value, the same wherever it is made.
    fn compared(&self, left: &Value, right: &Value, node: &Value) -> Option<Value> {
        let (left, right) = (self.settle(&text_of(left)), self.settle(&text_of(right)));
        let (symbol, literal) = match (only_symbol(&left), only_symbol(&right)) {
            (Some(symbol), None) => (symbol, right.as_literal()?),
            (None, Some(symbol)) => (symbol, left.as_literal()?),
            _ => return None,
        };
        let said = symbol.display();
        let what = match symbol.kind {
            SymbolKind::Input => format!("parameter `{said}`"),
            _ => format!("`{said}`"),
        };
        let input = Guard::equality(&said, literal);
        let arm = |arm: u32, said: &str| Arm {
            guard: Guard {
                scope: symbol.scope,
                input: input.clone(),
                label: format!("{what} {said} `{literal}`").into(),
                arm,
                arms: 2,
            },
            value: Value::bool(arm == 1, node.place.clone()),
        };
        let arms = vec![arm(1, "is"), arm(0, "is not")];
        Some(choice::choice(arms, node.place.clone()))
    }

    fn same(&self, left: &Value, right: &Value) -> Option<bool> {
        match (&left.kind, &right.kind) {
            (ValueKind::List(a), ValueKind::List(b)) => {
                let mut all = Some(a.len() == b.len());
                for (a, b) in a.iter().zip(b.iter()) {
                    all = match (all, self.same(a, b)) {
                        (Some(false), _) | (_, Some(false)) => Some(false),
                        (Some(true), Some(true)) => Some(true),
                        _ => None,
                    };
                }
                all
            }
            (ValueKind::Map(a), ValueKind::Map(b)) => same_maps(self, a, b),
            (ValueKind::Unknown(_), ValueKind::List(_) | ValueKind::Map(_))
            | (ValueKind::List(_) | ValueKind::Map(_), ValueKind::Unknown(_)) => None,
            (ValueKind::List(_) | ValueKind::Map(_), _)
            | (_, ValueKind::List(_) | ValueKind::Map(_)) => Some(false),
            _ => {
                let (left, right) = (self.settle(&text_of(left)), self.settle(&text_of(right)));
                match (left.as_literal(), right.as_literal()) {
                    (Some(left), Some(right)) => Some(left == right),
                    _ => {
                        let identified = left.pieces().iter().all(|p| {
                            matches!(p, Piece::Literal(_))
                                || matches!(p, Piece::Unknown(u) if u.symbol.is_some())
                        });
                        (identified && left.pieces() == right.pieces()).then_some(true)
                    }
                }
            }
        }
    }

    /// `Fn::And`, `Fn::Or`: three-valued, over any number of tests.
    pub fn all_or_any(&self, function: &str, operand: &Value, node: &Value) -> Value {
        let Some(items) = operand.as_items() else {
            return self.not_understood(function, "takes a list of conditions", node);
        };
        let dominant = function == "Fn::Or";
        let operands: Vec<Value> = items.iter().map(|item| self.operand(item)).collect();
        choice::lift(&operands, &node.place, &mut |values| {
            let mut unknown = false;
            for value in values {
                match value.as_bool() {
                    Some(known) if known == dominant => {
                        return Value::bool(dominant, node.place.clone());
                    }
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            if unknown {
                let why = format!("{function} of conditions that are not known");
                return Value::unknown(crate::value::Unknown::because(why), node.place.clone());
            }
            Value::bool(!dominant, node.place.clone())
        })
    }

    pub fn not(&self, operand: &Value, node: &Value) -> Value {
        let inner = match operand.as_items() {
            Some([inner]) => inner,
            Some(_) => return self.not_understood("Fn::Not", "takes one condition", node),
            None => operand,
        };
        choice::lift(
            &[self.operand(inner)],
            &node.place,
            &mut |values| match values.first().and_then(Value::as_bool) {
                Some(known) => Value::bool(!known, node.place.clone()),
                None => values
                    .first()
                    .cloned()
                    .unwrap_or_else(|| Value::null(node.place.clone())),
            },
        )
    }
}

/// One conjunction that holds in exactly these worlds, where they are all combinations of some arms of each input.
fn product(worlds: &[Guards]) -> Option<Guards> {
    let mut inputs: Vec<Vec<&Guard>> = Vec::new();
    for guard in worlds.iter().flatten() {
        match inputs
            .iter_mut()
            .find(|i| i.iter().any(|g| g.same_input(guard)))
        {
            Some(arms) if arms.iter().any(|g| g.arm == guard.arm) => {}
            Some(arms) => arms.push(guard),
            None => inputs.push(vec![guard]),
        }
    }
    let whole = worlds.iter().all(|w| w.len() == inputs.len());
    let count = inputs
        .iter()
        .try_fold(1_usize, |n, arms| n.checked_mul(arms.len()))?;
    if !whole || count != worlds.len() {
        return None;
    }
    let guards = inputs
        .into_iter()
        .filter(|arms| arms.first().is_none_or(|g| arms.len() < g.arms as usize));
    guards.map(|mut arms| among(&mut arms)).collect()
}

/// The guard that says that an input has one of these arms.
fn among(arms: &mut [&Guard]) -> Option<Guard> {
    arms.sort_by_key(|g| g.arm);
    let first = *arms.first()?;
    if arms.len() == 1 {
        return Some(first.clone());
    }
    let mut bits = 0_u64;
    for guard in arms.iter() {
        bits |= 1_u64.checked_shl(guard.arm).filter(|_| guard.arms <= 64)?;
    }
    let (what, _) = first.label.split_once(" is ")?;
    let said: Vec<&str> = arms
        .iter()
        .filter_map(|g| Some(g.label.split_once(" is ")?.1))
        .collect();
    Some(Guard {
        scope: first.scope,
        input: Guard::among(&first.input, first.arms, bits),
        label: format!("{what} is {}", said.join(" or ")).into(),
        arm: 1,
        arms: 2,
    })
}

fn same_maps(evaluator: &Evaluator<'_, '_>, a: &Map, b: &Map) -> Option<bool> {
    let mut all = Some(a.len() == b.len());
    for (key, entry) in a.iter() {
        let Some(other) = b.get(key) else {
            return Some(false);
        };
        all = match (all, evaluator.same(&entry.value, other)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    all
}

/// Leaves of a value that is a choice.
fn leaves(value: &Value) -> usize {
    match &value.kind {
        ValueKind::Choice(arms) => arms
            .iter()
            .map(|a| leaves(&a.value))
            .fold(0, usize::saturating_add),
        _ => 1,
    }
}

/// One of two values by a test that is a choice; what the guards say of the values themselves is used.
fn pick(test: &Value, yes: &Value, no: &Value, place: &Place) -> Value {
    match &test.kind {
        ValueKind::Choice(arms) => {
            let arms = arms
                .iter()
                .map(|arm| Arm {
                    guard: arm.guard.clone(),
                    value: pick(
                        &arm.value,
                        &choice::select(yes, &arm.guard),
                        &choice::select(no, &arm.guard),
                        place,
                    ),
                })
                .collect();
            choice::choice(arms, place.clone())
        }
        _ if test.as_bool() == Some(true) => yes.clone(),
        _ => no.clone(),
    }
}
