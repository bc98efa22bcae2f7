//! Functions of time stamps.

use super::{Body, Call, Entry, FunctionError, Outcome};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "formatdate" => (2, 2, Body::Pure(formatdate)),
        "timeadd" => (2, 2, Body::Pure(timeadd)),
        "timecmp" => (2, 2, Body::Pure(timecmp)),
        "timestamp" | "plantimestamp" => (0, 0, Body::Impure("gives another result in each run")),
        _ => return None,
    })
}

/// A moment: nanoseconds since 1970 in UTC, and the minutes that the writer's clock is ahead of it.
#[derive(Clone, Copy)]
struct Moment {
    nanos: i128,
    offset: i64,
}

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day number.
fn date(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// RFC 3339.
fn parse(text: &str) -> Option<Moment> {
    let number = |s: usize, e: usize| {
        text.get(s..e)
            .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|t| t.parse::<i64>().ok())
    };
    let mark = |i: usize, c: u8| text.as_bytes().get(i) == Some(&c);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let marks =
        mark(4, b'-') && mark(7, b'-') && mark(10, b'T') && mark(13, b':') && mark(16, b':');
    let ranges = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !marks || !ranges || date(days(year, month, day)) != (year, month, day) {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut fraction: i128 = 0;
    if let Some(digits) = rest.strip_prefix('.') {
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        let written = digits.get(..count.min(9)).filter(|d| !d.is_empty())?;
        fraction = format!("{written:0<9}").parse().ok()?;
        rest = digits.get(count..)?;
    }
    let offset = if rest == "Z" {
        0
    } else {
        let sign = match rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = rest.get(1..)?.split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 {
            return None;
        }
        let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return None;
        }
        sign * (hours * 60 + minutes)
    };
    let seconds = i128::from(days(year, month, day)) * 86_400
        + i128::from(hour * 3600 + minute * 60 + second);
    Some(Moment {
        nanos: (seconds - i128::from(offset) * 60) * SECOND + fraction,
        offset,
    })
}

fn moment(call: &Call, index: usize) -> Result<Moment, FunctionError> {
    let text = call.literal(index)?;
    match parse(&text) {
        Some(moment) => Ok(moment),
        None => call.error(format!("\"{text}\" is no RFC 3339 time stamp")),
    }
}

/// The parts of a moment on its writer's clock.
struct Clock {
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    offset: i64,
}

fn clock(moment: Moment) -> Clock {
    let local = moment.nanos + i128::from(moment.offset) * 60 * SECOND;
    let number = local.div_euclid(DAY) as i64;
    let of_day = local.rem_euclid(DAY);
    let seconds = (of_day / SECOND) as i64;
    let (year, month, day) = date(number);
    Clock {
        year,
        month,
        day,
        weekday: (number + 4).rem_euclid(7),
        hour: seconds / 3600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        nanos: (of_day % SECOND) as i64,
        offset: moment.offset,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

fn formatdate(call: &Call) -> Outcome {
    let format = call.literal(0)?;
    let clock = clock(moment(call, 1)?);
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            loop {
                match chars.next() {
                    Some('\'') if chars.peek() == Some(&'\'') => {
                        chars.next();
                        out.push('\'');
                    }
                    Some('\'') => break,
                    Some(c) => out.push(c),
                    None => return call.error("unterminated literal '"),
                }
            }
            continue;
        }
        if !c.is_ascii_alphabetic() {
            out.push(c);
            continue;
        }
        let mut count = 1;
        while chars.peek() == Some(&c) {
            chars.next();
            count += 1;
        }
        match verb(&clock, c, count) {
            Some(text) => out.push_str(&text),
            None => {
                let verb: String = std::iter::repeat_n(c, count.min(20)).collect();
                return call.error(format!("invalid date format verb \"{verb}\""));
            }
        }
    }
    call.made_str(out, 1)
}

fn verb(clock: &Clock, letter: char, count: usize) -> Option<String> {
    let short = |names: &[&str], index: i64| {
        let name = usize::try_from(index)
            .ok()
            .and_then(|i| names.get(i).map(|n| n.to_string()));
        name.map(|n| {
            if count == 3 {
                n.chars().take(3).collect()
            } else {
                n
            }
        })
    };
    let two = |n: i64| {
        if count == 2 {
            format!("{n:02}")
        } else {
            n.to_string()
        }
    };
    let twelve = (clock.hour + 11) % 12 + 1;
    let sign = if clock.offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (clock.offset.abs() / 60, clock.offset.abs() % 60);
    Some(match (letter, count) {
        ('Y', 4) => format!("{:04}", clock.year),
        ('Y', 2) => format!("{:02}", clock.year.rem_euclid(100)),
        ('M', 1 | 2) => two(clock.month),
        ('M', 3 | 4) => short(&MONTHS, clock.month - 1)?,
        ('D', 1 | 2) => two(clock.day),
        ('E', 3 | 4) => short(&WEEKDAYS, clock.weekday)?,
        ('h', 1 | 2) => two(clock.hour),
        ('H', 1 | 2) => two(twelve),
        ('A', 2) => if clock.hour < 12 { "AM" } else { "PM" }.into(),
        ('a', 2) => if clock.hour < 12 { "am" } else { "pm" }.into(),
        ('m', 1 | 2) => two(clock.minute),
        ('s', 1 | 2) => two(clock.second),
        ('Z', 1) if clock.offset == 0 => "Z".into(),
        ('Z', 3) if clock.offset == 0 => "UTC".into(),
        ('Z', 1 | 5) => format!("{sign}{hours:02}:{minutes:02}"),
        ('Z', 3 | 4) => format!("{sign}{hours:02}{minutes:02}"),
        _ => return None,
    })
}

/// A duration as Go writes it, in nanoseconds.
fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: f64 = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest
            .bytes()
            .take_while(|b| !b.is_ascii_digit() && *b != b'.')
            .count();
        total += number
            * match rest.get(..unit)? {
                "h" => 3.6e12,
                "m" => 6e10,
                "s" => 1e9,
                "ms" => 1e6,
                "us" | "µs" | "μs" => 1e3,
                "ns" => 1.0,
                _ => return None,
            };
        rest = rest.get(unit..)?;
    }
    (total < 9.3e18).then_some(sign * total as i128)
}

fn timeadd(call: &Call) -> Outcome {
    let start = moment(call, 0)?;
    let text = call.literal(1)?;
    let Some(more) = duration(&text) else {
        return call.error(format!("invalid duration \"{text}\""));
    };
    let clock = clock(Moment {
        nanos: start.nanos + more,
        offset: start.offset,
    });
    let mut out = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second
    );
    if clock.nanos > 0 {
        out.push('.');
        out.push_str(format!("{:09}", clock.nanos).trim_end_matches('0'));
    }
    if let Some(zone) = verb(&clock, 'Z', 1) {
        out.push_str(&zone);
    }
    call.made_str(out, 0)
}

fn timecmp(call: &Call) -> Outcome {
    let order = moment(call, 0)?.nanos.cmp(&moment(call, 1)?.nanos);
    call.made_int(order as i128, 0)
}
