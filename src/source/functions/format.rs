//! `format` and `formatlist`: Terraform's verbs, with symbols passing through `%s` and `%v`.

use super::pieces::{Flat, Part, width};
use super::string::clusters;
use super::{BYTES, Call, ELEMENTS, FunctionError, Outcome, convert};
use crate::source::encode;
use crate::value::{Number, Text, Unknown, Value, ValueKind};

pub(super) fn format(call: &Call) -> Outcome {
    let flat = Flat::of(&call.text(0)?, &call.of(0));
    let arguments: Vec<&Value> = call.arguments.iter().skip(1).collect();
    call.made(render(call, &flat, &arguments)?, 0)
}

pub(super) fn formatlist(call: &Call) -> Outcome {
    let flat = Flat::of(&call.text(0)?, &call.of(0));
    let mut length: Option<usize> = None;
    for (index, argument) in call.arguments.iter().enumerate().skip(1) {
        let Some(items) = argument.as_items() else {
            continue;
        };
        if length.is_some_and(|n| n != items.len()) {
            return call.error(format!(
                "argument {} has length {}, inconsistent with others",
                index + 1,
                items.len()
            ));
        }
        length = Some(items.len());
    }
    let scalar = |v: &&Value| matches!(&v.kind, ValueKind::Unknown(u) if u.symbol.is_none());
    if let Some(unknown) = call.arguments.iter().skip(1).find(scalar) {
        return Err(super::depends(unknown));
    }
    let length = length.unwrap_or(1);
    if length > ELEMENTS {
        return call.limit();
    }
    let mut out = Vec::with_capacity(length);
    let mut total: usize = 0;
    for row in 0..length {
        let mut arguments = Vec::new();
        let mut place = call.through(0);
        for argument in call.arguments.iter().skip(1) {
            match argument.as_items() {
                Some(items) => {
                    let Some(item) = items.get(row) else { continue };
                    place = item
                        .place
                        .through(crate::value::Step::Function(call.name.into()), call.at);
                    arguments.push(item);
                }
                None => arguments.push(argument),
            }
        }
        let text = render(call, &flat, &arguments)?.with_source_map(None);
        total = total.saturating_add(width(&text));
        if total > BYTES {
            return call.limit();
        }
        out.push(Value::new(super::pieces::kind(text), place));
    }
    call.list(out, call.of(if call.arguments.len() > 1 { 1 } else { 0 }))
}

#[derive(Default)]
struct Verb {
    sharp: bool,
    zero: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn render(call: &Call, flat: &Flat, arguments: &[&Value]) -> Result<Text, FunctionError> {
    let bytes = flat.text.as_bytes();
    let mut parts = Vec::new();
    let mut size = flat.text.len();
    let (mut at, mut next, mut most) = (0usize, 0usize, 0usize);
    let mut explicit = false;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'%', rest)) {
        let start = at + found;
        parts.push(Part::Slice(at, start));
        let mut i = start + 1;
        let mut verb = Verb::default();
        while let Some(flag) = bytes.get(i) {
            match flag {
                b'#' => verb.sharp = true,
                b'0' => verb.zero = true,
                b'+' => verb.plus = true,
                b'-' => verb.minus = true,
                b' ' => verb.space = true,
                _ => break,
            }
            i += 1;
        }
        verb.width = digits(bytes, &mut i);
        if bytes.get(i) == Some(&b'.') {
            i += 1;
            verb.precision = Some(digits(bytes, &mut i).unwrap_or(0));
        }
        if bytes.get(i) == Some(&b'[') {
            i += 1;
            let number = digits(bytes, &mut i);
            match (number, bytes.get(i)) {
                (Some(n), Some(b']')) if n > 0 => next = n - 1,
                _ => return call.error(format!("invalid argument index at offset {start}")),
            }
            explicit = true;
            i += 1;
        }
        if verb.width.max(verb.precision).unwrap_or(0) > 10_000 {
            return Err(FunctionError::Unknown(
                "`format` pads to more than 10000 characters".into(),
            ));
        }
        let mode = match flat.text.get(i..).and_then(|t| t.chars().next()) {
            None => return call.error("unexpected end of format string"),
            Some(mode) => mode,
        };
        let end = i + mode.len_utf8();
        if mode == '%' {
            parts.push(Part::Insert(Text::literal("%"), start, end));
        } else {
            let Some(argument) = arguments.get(next) else {
                return call.error(format!(
                    "not enough arguments for \"{}\" at {start}: need index {} but have {} total",
                    flat.text.get(start..end).unwrap_or(""),
                    next + 1,
                    arguments.len()
                ));
            };
            next += 1;
            most = most.max(next);
            let text = one(call, &verb, mode, argument, start)?;
            size = size.saturating_add(width(&text));
            if size > BYTES {
                return Err(FunctionError::Unknown(format!(
                    "the result of `format` is larger than {BYTES} bytes"
                )));
            }
            parts.push(Part::Insert(text, start, end));
        }
        at = end;
    }
    parts.push(Part::Slice(at, flat.text.len()));
    if !explicit && most < arguments.len() {
        return call.error(format!(
            "too many arguments; only {most} used by format string"
        ));
    }
    Ok(flat.build(&parts))
}

fn digits(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value: Option<usize> = None;
    while let Some(digit @ b'0'..=b'9') = bytes.get(*at) {
        value = Some(
            value
                .unwrap_or(0)
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0')),
        );
        *at += 1;
    }
    value
}

fn one(
    call: &Call,
    verb: &Verb,
    mode: char,
    value: &Value,
    offset: usize,
) -> Result<Text, FunctionError> {
    // What is not known leaves a hole in the text and nothing else.
    let hole = |value: &Value| match super::depends(value) {
        FunctionError::Unknown(reason) | FunctionError::Error(reason) => {
            Text::unknown(Unknown::because(reason))
        }
    };
    match mode {
        's' | 'v' => {
            let text = match &value.kind {
                ValueKind::Null if mode == 'v' => Text::literal("null"),
                ValueKind::Choice(_) => return Ok(hole(value)),
                _ if mode == 'v' && (verb.sharp || value.as_text().is_none()) => {
                    encode::json_text(value)
                }
                _ => convert::text(value)?,
            };
            match text.as_literal() {
                Some(literal) if verb.width.is_some() || verb.precision.is_some() => {
                    Ok(Text::literal(pad(verb, cut(verb, literal), false)))
                }
                None if verb.width.is_some() || verb.precision.is_some() => Ok(hole(value)),
                _ => Ok(text),
            }
        }
        'q' => {
            let text = convert::text(value)?;
            let mut out = Text::literal("\"");
            for piece in text.pieces() {
                match piece {
                    crate::value::Piece::Literal(literal) => out.push_str(&encode::escape(literal)),
                    crate::value::Piece::Unknown(unknown) => out.push_unknown(unknown.clone()),
                }
            }
            out.push_str("\"");
            match out.as_literal() {
                Some(literal) => Ok(Text::literal(pad(verb, literal.to_string(), false))),
                None => Ok(out),
            }
        }
        't' => match convert::boolean(value) {
            Ok(b) => Ok(Text::literal(pad(verb, b.to_string(), false))),
            Err(FunctionError::Unknown(_)) => Ok(hole(value)),
            Err(error) => Err(error),
        },
        'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => match convert::number(value) {
            Ok(number) => Ok(Text::literal(pad(verb, numeral(verb, mode, number), true))),
            Err(FunctionError::Unknown(_)) => Ok(hole(value)),
            Err(error) => Err(error),
        },
        _ => call.error(format!(
            "unsupported format verb '{mode}' at offset {offset}"
        )),
    }
}

fn cut(verb: &Verb, text: &str) -> String {
    match verb.precision {
        Some(n) => clusters(text).into_iter().take(n).collect(),
        None => text.to_string(),
    }
}

fn pad(verb: &Verb, text: String, numeric: bool) -> String {
    let count = clusters(&text).len();
    let missing = verb.width.unwrap_or(0).saturating_sub(count);
    if missing == 0 {
        text
    } else if verb.minus {
        text + &" ".repeat(missing)
    } else if verb.zero {
        let (sign, rest) = match text.strip_prefix(['-', '+']) {
            Some(rest) if numeric => text.split_at(text.len() - rest.len()),
            _ => ("", text.as_str()),
        };
        format!("{sign}{}{rest}", "0".repeat(missing))
    } else {
        " ".repeat(missing) + &text
    }
}

fn numeral(verb: &Verb, mode: char, number: Number) -> String {
    let float = number.as_f64();
    let whole = number.as_i128().unwrap_or(float.trunc() as i128);
    let magnitude = whole.unsigned_abs();
    let precision = verb.precision.unwrap_or(6);
    let prefix = |mark: &str| {
        if verb.sharp {
            mark.to_string()
        } else {
            String::new()
        }
    };
    let negative = if matches!(mode, 'b' | 'd' | 'o' | 'x' | 'X') {
        whole < 0
    } else {
        float < 0.0
    };
    let size = float.abs();
    let body = match mode {
        'b' => prefix("0b") + &format!("{magnitude:b}"),
        'd' => magnitude.to_string(),
        'o' => prefix("0") + &format!("{magnitude:o}"),
        'x' => prefix("0x") + &format!("{magnitude:x}"),
        'X' => prefix("0X") + &format!("{magnitude:X}"),
        'e' => scientific(size, precision, 'e'),
        'E' => scientific(size, precision, 'E'),
        'f' => format!("{size:.precision$}"),
        _ => general(size, verb.precision, if mode == 'G' { 'E' } else { 'e' }),
    };
    let sign = if negative {
        "-"
    } else if verb.plus {
        "+"
    } else if verb.space {
        " "
    } else {
        ""
    };
    format!("{sign}{body}")
}

/// Go writes exponents with a sign and at least two digits.
fn exponent(text: &str, mark: char) -> String {
    match text.split_once('e') {
        Some((digits, power)) => {
            let (sign, power) = match power.strip_prefix('-') {
                Some(power) => ('-', power),
                None => ('+', power),
            };
            format!("{digits}{mark}{sign}{power:0>2}")
        }
        None => text.to_string(),
    }
}

fn scientific(size: f64, precision: usize, mark: char) -> String {
    exponent(&format!("{size:.precision$e}"), mark)
}

fn general(size: f64, precision: Option<usize>, mark: char) -> String {
    let power = |text: &str| {
        text.split_once('e')
            .and_then(|(_, p)| p.parse::<i64>().ok())
            .unwrap_or(0)
    };
    match precision {
        None => {
            let short = format!("{size:e}");
            let p = power(&short);
            if !(-4..21).contains(&p) {
                exponent(&short, mark)
            } else {
                format!("{size}")
            }
        }
        Some(digits) => {
            let digits = digits.max(1);
            let long = format!("{size:.*e}", digits - 1);
            let p = power(&long);
            let trim = |t: &str| {
                if t.contains('.') {
                    t.trim_end_matches('0').trim_end_matches('.').to_string()
                } else {
                    t.to_string()
                }
            };
            if p < -4 || p >= digits as i64 {
                let (mantissa, rest) = long.split_once('e').unwrap_or((&long, "0"));
                exponent(&format!("{}e{rest}", trim(mantissa)), mark)
            } else {
                let places = usize::try_from(digits as i64 - 1 - p).unwrap_or(0);
                trim(&format!("{size:.places$}"))
            }
        }
    }
}
