//! Functions of numbers.

use std::cmp::Ordering;

use super::{Body, Call, ELEMENTS, Entry, FunctionError, MANY, Outcome, convert};
use crate::value::{Number, Value};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "abs" => (1, 1, Body::Pure(abs)),
        "ceil" => (1, 1, Body::Pure(|c| rounded(c, f64::ceil))),
        "floor" => (1, 1, Body::Pure(|c| rounded(c, f64::floor))),
        "signum" => (1, 1, Body::Pure(signum)),
        "log" => (2, 2, Body::Pure(log)),
        "pow" => (2, 2, Body::Pure(pow)),
        "max" => (1, MANY, Body::Pure(|c| extreme(c, Ordering::Greater))),
        "min" => (1, MANY, Body::Pure(|c| extreme(c, Ordering::Less))),
        "sum" => (1, 1, Body::Pure(sum)),
        "parseint" => (2, 2, Body::Pure(parseint)),
        "range" => (1, 3, Body::Pure(range)),
        _ => return None,
    })
}

fn abs(call: &Call) -> Outcome {
    let number = match call.number(0)? {
        Number::Int(n) => Number::Int(n.checked_abs().unwrap_or(i128::MAX)),
        Number::Float(f) => Number::Float(f.abs()),
    };
    call.made_number(number, 0)
}

fn rounded(call: &Call, round: fn(f64) -> f64) -> Outcome {
    let number = match call.number(0)? {
        Number::Float(f) => convert::float(round(f)),
        whole => whole,
    };
    call.made_number(number, 0)
}

fn signum(call: &Call) -> Outcome {
    let number = call.number(0)?.as_f64();
    call.made_int(
        if number > 0.0 {
            1
        } else if number < 0.0 {
            -1
        } else {
            0
        },
        0,
    )
}

fn finite(call: &Call, f: f64) -> Outcome {
    if f.is_finite() {
        call.made_number(convert::float(f), 0)
    } else {
        Err(FunctionError::Unknown(format!(
            "the result of `{}` is no finite number",
            call.name
        )))
    }
}

fn log(call: &Call) -> Outcome {
    let (number, base) = (call.number(0)?.as_f64(), call.number(1)?.as_f64());
    finite(call, number.ln() / base.ln())
}

fn pow(call: &Call) -> Outcome {
    let (base, power) = (call.number(0)?, call.number(1)?);
    if let (Number::Int(base), Some(power)) =
        (base, power.as_i128().and_then(|p| u32::try_from(p).ok()))
        && let Some(result) = base.checked_pow(power)
    {
        return call.made_int(result, 0);
    }
    finite(call, base.as_f64().powf(power.as_f64()))
}

fn extreme(call: &Call, wanted: Ordering) -> Outcome {
    let mut best = (0, call.number(0)?);
    for index in 1..call.arguments.len() {
        let number = call.number(index)?;
        if convert::compare(number, best.1) == wanted {
            best = (index, number);
        }
    }
    call.made_number(best.1, best.0)
}

/// Exact for whole numbers; decimals are added in units of their last place, as their written forms say.
pub(super) fn add(a: Number, b: Number) -> Number {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(sum) = a.checked_add(b)
    {
        return Number::Int(sum);
    }
    let places = |n: Number| n.to_string().split_once('.').map_or(0, |(_, d)| d.len());
    let scale = places(a).max(places(b)).min(15);
    let unit = 10f64.powi(scale as i32);
    let (x, y) = ((a.as_f64() * unit).round(), (b.as_f64() * unit).round());
    if x.abs() < 1e15 && y.abs() < 1e15 {
        return convert::float((x + y) / unit);
    }
    convert::float(a.as_f64() + b.as_f64())
}

fn sum(call: &Call) -> Outcome {
    let items = call.items(0)?;
    if items.is_empty() {
        return call.error("cannot sum an empty list");
    }
    let mut total = Number::Int(0);
    for item in items {
        total = add(total, convert::number(item)?);
    }
    call.made_number(total, 0)
}

fn parseint(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    let base = call.whole(1)?;
    if !(2..=62).contains(&base) {
        return call.error("base must be a whole number between 2 and 62 inclusive");
    }
    let fault =
        || FunctionError::Error(format!("cannot parse \"{text}\" as a base {base} integer"));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.is_empty() {
        return Err(fault());
    }
    let mut value: i128 = 0;
    for c in digits.bytes() {
        let digit = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'z' => c - b'a' + 10,
            b'A'..=b'Z' if base <= 36 => c - b'A' + 10,
            b'A'..=b'Z' => c - b'A' + 36,
            _ => return Err(fault()),
        };
        if i128::from(digit) >= base {
            return Err(fault());
        }
        let Some(next) = value
            .checked_mul(base)
            .and_then(|v| v.checked_add(i128::from(digit)))
        else {
            return call.limit();
        };
        value = next;
    }
    call.made_int(if negative { -value } else { value }, 0)
}

fn range(call: &Call) -> Outcome {
    let number = |index| call.number(index);
    let (start, limit) = match call.arguments.len() {
        1 => (Number::Int(0), number(0)?),
        _ => (number(0)?, number(1)?),
    };
    let down = convert::compare(limit, start) == Ordering::Less;
    let step = if call.arguments.len() > 2 {
        number(2)?
    } else {
        Number::Int(if down { -1 } else { 1 })
    };
    let sign = step.as_f64();
    if sign == 0.0 {
        return call.error("step must not be zero");
    }
    if (down && sign > 0.0)
        || (!down && sign < 0.0 && convert::compare(limit, start) != Ordering::Equal)
    {
        return call.error("the step leads away from the limit");
    }
    let mut out = Vec::new();
    let mut at = start;
    let wanted = if sign < 0.0 {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    while convert::compare(at, limit) == wanted {
        if out.len() >= ELEMENTS {
            return call.limit();
        }
        out.push(Value::number(at, call.through(0)));
        at = add(at, step);
    }
    call.list(out, call.of(0))
}
