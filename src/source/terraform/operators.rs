//! Arithmetic, comparison and logic, also where an operand is not known.

use std::cmp::Ordering;

use super::document::Binary;
use super::evaluate::{Failure, Outcome, failure};
use super::unknown::{canonical, is_unknown, named, scope_of, unknown_from};
use crate::source::functions::convert;
use crate::value::{Number, Place, Span, Value, ValueKind};

/// One binary operation on values that are no choices.
pub fn binary(operator: Binary, left: &Value, right: &Value, span: Span) -> Outcome {
    let sensitive = left.sensitive || right.sensitive;
    let mut out = compute(operator, left, right, span)?;
    out.sensitive |= sensitive;
    Ok(out)
}

fn compute(operator: Binary, left: &Value, right: &Value, span: Span) -> Outcome {
    let place = || Place::at(span);
    match operator {
        Binary::Equal | Binary::NotEqual => {
            if let Some(equal) = convert::equal(left, right) {
                return Ok(Value::bool(equal == (operator == Binary::Equal), place()));
            }
            Ok(unknown(operator, left, right, span))
        }
        Binary::And | Binary::Or => {
            let known = |v: &Value| -> Result<Option<bool>, Failure> {
                if is_unknown(v) {
                    Ok(None)
                } else {
                    convert::boolean(v).map(Some).map_err(|e| failure(e, span))
                }
            };
            let decides = operator == Binary::Or;
            Ok(match (known(left)?, known(right)?) {
                (Some(b), _) | (_, Some(b)) if b == decides => Value::bool(decides, place()),
                (Some(_), Some(_)) => Value::bool(!decides, place()),
                (Some(_), None) => right.clone(),
                (None, Some(_)) => left.clone(),
                (None, None) => unknown(operator, left, right, span),
            })
        }
        _ => {
            if left.is_null() || right.is_null() {
                return Err(Failure::new(
                    "an operand of this operator must not be null",
                    span,
                ));
            }
            if is_unknown(left) || is_unknown(right) {
                return Ok(unknown(operator, left, right, span));
            }
            let a = convert::number(left).map_err(|e| failure(e, span))?;
            let b = convert::number(right).map_err(|e| failure(e, span))?;
            let order = convert::compare(a, b);
            Ok(match operator {
                Binary::Less => Value::bool(order == Ordering::Less, place()),
                Binary::LessEqual => Value::bool(order != Ordering::Greater, place()),
                Binary::Greater => Value::bool(order == Ordering::Greater, place()),
                Binary::GreaterEqual => Value::bool(order != Ordering::Less, place()),
                _ => Value::number(arithmetic(operator, a, b, span)?, place()),
            })
        }
    }
}

fn arithmetic(operator: Binary, a: Number, b: Number, span: Span) -> Result<Number, Failure> {
    if let (Number::Int(x), Number::Int(y)) = (a, b) {
        let exact = match operator {
            Binary::Plus => x.checked_add(y),
            Binary::Minus => x.checked_sub(y),
            Binary::Multiply => x.checked_mul(y),
            Binary::Modulo if y != 0 => x.checked_rem(y),
            Binary::Divide if y != 0 && x.checked_rem(y) == Some(0) => x.checked_div(y),
            _ => None,
        };
        if let Some(exact) = exact {
            return Ok(Number::Int(exact));
        }
    }
    if let Some(exact) = decimal(operator, a, b) {
        return Ok(exact);
    }
    let (x, y) = (a.as_f64(), b.as_f64());
    if matches!(operator, Binary::Divide | Binary::Modulo) && y == 0.0 {
        return Err(Failure::new("division by zero", span));
    }
    Ok(convert::float(match operator {
        Binary::Plus => x + y,
        Binary::Minus => x - y,
        Binary::Multiply => x * y,
        Binary::Divide => x / y,
        _ => x % y,
    }))
}

/// Sums and products of short decimals, which binary fractions would miss.
fn decimal(operator: Binary, a: Number, b: Number) -> Option<Number> {
    let parts = |n: Number| {
        let written = n.to_string();
        let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
        if whole.len() + fraction.len() > 18 {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some((digits, u32::try_from(fraction.len()).ok()?))
    };
    let ((x, of_x), (y, of_y)) = (parts(a)?, parts(b)?);
    let scale = of_x.max(of_y);
    let (x_scaled, y_scaled) = (x * 10i128.pow(scale - of_x), y * 10i128.pow(scale - of_y));
    let (digits, scale) = match operator {
        Binary::Plus => (x_scaled + y_scaled, scale),
        Binary::Minus => (x_scaled - y_scaled, scale),
        Binary::Multiply => (x.checked_mul(y)?, of_x + of_y),
        _ => return None,
    };
    convert::parse_number(&format!("{digits}e-{scale}"))
}

fn sign(operator: Binary) -> &'static str {
    match operator {
        Binary::Equal | Binary::NotEqual => "==",
        Binary::Less => "<",
        Binary::LessEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterEqual => ">=",
        Binary::Plus => "+",
        Binary::Minus => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Modulo => "%",
        Binary::And => "&&",
        Binary::Or => "||",
    }
}

fn unknown(operator: Binary, left: &Value, right: &Value, span: Span) -> Value {
    let scope = scope_of(left).or_else(|| scope_of(right));
    match (canonical(left), canonical(right)) {
        (Some(mut a), Some(mut b)) => {
            // Symmetric operators have one form for both orders.
            let symmetric = matches!(
                operator,
                Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or
            );
            if symmetric && !is_unknown(left) && is_unknown(right) {
                std::mem::swap(&mut a, &mut b);
            }
            let group = |text: String| {
                if text.contains(" && ") || text.contains(" || ") {
                    format!("({text})")
                } else {
                    text
                }
            };
            let plain = format!("{} {} {}", group(a), sign(operator), group(b));
            named(
                scope,
                if operator == Binary::NotEqual {
                    format!("!({plain})")
                } else {
                    plain
                },
                span,
            )
        }
        _ if is_unknown(left) => unknown_from(sign(operator), left, span),
        _ if matches!(right.kind, ValueKind::Unknown(_) | ValueKind::Text(_)) => {
            unknown_from(sign(operator), right, span)
        }
        _ => unknown_from(sign(operator), left, span),
    }
}
