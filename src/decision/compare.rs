//! Comparison of numbers, dates, truth values, bytes and addresses. What is of another type than its
//! operator is unknown (spec 1.7, item 9).

use std::cmp::Ordering;
use std::net::IpAddr;

use super::Match;
use crate::pattern::address::read_network;
use crate::policy::ConditionOperator;
use base64::Engine;

/// An exact whole number, or a float where there is a fraction.
pub fn read_number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty()
        || !text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
    {
        return None;
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

fn ordered(operator: ConditionOperator, value: Option<Ordering>) -> Match {
    use ConditionOperator::*;
    let Some(order) = value else {
        return Match::Unknown;
    };
    Match::of(match operator {
        NumericLessThan | DateLessThan => order.is_lt(),
        NumericLessThanEquals | DateLessThanEquals => order.is_le(),
        NumericGreaterThan | DateGreaterThan => order.is_gt(),
        NumericGreaterThanEquals | DateGreaterThanEquals => order.is_ge(),
        _ => order.is_eq(),
    })
}

pub fn compare_number(operator: ConditionOperator, listed: &str, value: &str) -> Match {
    let order = match (listed.trim().parse::<i128>(), value.trim().parse::<i128>()) {
        (Ok(listed), Ok(value)) => Some(value.cmp(&listed)),
        _ => match (read_number(listed), read_number(value)) {
            (Some(listed), Some(value)) => value.partial_cmp(&listed),
            _ => None,
        },
    };
    ordered(operator, order)
}

/// Milliseconds since 1970 of an ISO 8601 date or an epoch in seconds (or milliseconds, by its size).
pub fn read_date(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Ok(epoch) = text.parse::<i128>() {
        // Four digits are a year.
        if text.len() != 4 {
            return Some(if epoch.abs() >= 100_000_000_000 {
                epoch
            } else {
                epoch.checked_mul(1000)?
            });
        }
    }
    if let Some(epoch) = read_number(text).filter(|_| text.contains('.') && !text.contains('-')) {
        return Some((epoch * 1000.0).round() as i128);
    }
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let number = |part: Option<&str>, digits: usize| match part {
        None => Some(None),
        Some(p) if p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()) => {
            p.parse::<i128>().ok().map(Some)
        }
        Some(_) => None,
    };
    let year = number(parts.next(), 4)??;
    let month = number(parts.next(), 2)?.unwrap_or(1);
    let day = number(parts.next(), 2)?.unwrap_or(1);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut millis = days_since_epoch(year, month, day) * 86_400_000;
    if let Some(time) = time {
        millis += read_time(time)?;
    }
    Some(millis)
}

fn read_time(time: &str) -> Option<i128> {
    let (clock, offset) = if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        (clock, 0)
    } else if let Some(at) = time.rfind(['+', '-']) {
        let (clock, zone) = time.split_at_checked(at)?;
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        let zone = zone.get(1..)?;
        let (hours, minutes) = match zone.split_once(':') {
            Some(pair) => pair,
            None => (
                zone.get(..2)?,
                zone.get(2..).filter(|m| !m.is_empty()).unwrap_or("0"),
            ),
        };
        (
            clock,
            sign * (hours.parse::<i128>().ok()? * 60 + minutes.parse::<i128>().ok()?),
        )
    } else {
        (time, 0)
    };
    let mut parts = clock.split(':');
    let hours: i128 = parts.next()?.parse().ok()?;
    let minutes: i128 = parts.next().unwrap_or("0").parse().ok()?;
    let seconds: f64 = parts.next().unwrap_or("0").parse().ok()?;
    if parts.next().is_some()
        || !(0..=24).contains(&hours)
        || !(0..=59).contains(&minutes)
        || !(0.0..61.0).contains(&seconds)
    {
        return None;
    }
    Some((hours * 60 + minutes - offset) * 60_000 + (seconds * 1000.0).round() as i128)
}

/// Days of the proleptic Gregorian calendar.
fn days_since_epoch(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

pub fn compare_date(operator: ConditionOperator, listed: &str, value: &str) -> Match {
    match (read_date(listed), read_date(value)) {
        (Some(listed), Some(value)) => ordered(operator, Some(value.cmp(&listed))),
        _ => Match::Unknown,
    }
}

pub fn read_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

pub fn compare_bool(listed: &str, value: &str) -> Match {
    match (read_bool(listed), read_bool(value)) {
        (Some(listed), Some(value)) => Match::of(listed == value),
        _ => Match::Unknown,
    }
}

pub fn compare_binary(listed: &str, value: &str) -> Match {
    let decode = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .ok()
    };
    match (decode(listed), decode(value)) {
        (Some(listed), Some(value)) => Match::of(listed == value),
        _ => Match::Unknown,
    }
}

pub fn compare_ip(listed: &str, value: &str) -> Match {
    match (read_network(listed), value.trim().parse::<IpAddr>()) {
        (Some(network), Ok(address)) => Match::of(network.contains(&address)),
        _ => Match::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, millis) in [
            ("1970-01-01", Some(0)),
            ("2024-01-01", Some(1_704_067_200_000)),
            ("2024-01-01T00:00:01Z", Some(1_704_067_201_000)),
            ("2024-01-01T01:00:00.5+01:00", Some(1_704_067_200_500)),
            ("1704067200", Some(1_704_067_200_000)),
            ("1704067200001", Some(1_704_067_200_001)),
            ("2024", Some(1_704_067_200_000)),
            ("2024-02-29", Some(1_709_164_800_000)),
            ("soon", None),
            ("2024-13-01", None),
        ] {
            assert_eq!(read_date(text), millis, "{text}");
        }
    }

    #[test]
    fn addresses_and_numbers() {
        assert_eq!(compare_ip("203.0.113.0/24", "203.0.113.9"), Match::Yes);
        assert_eq!(compare_ip("203.0.113.9", "203.0.113.8"), Match::No);
        assert_eq!(compare_ip("2001:0db8::/32", "10.0.0.1"), Match::No);
        assert_eq!(compare_ip("nowhere", "10.0.0.1"), Match::Unknown);
        assert_eq!(
            compare_number(ConditionOperator::NumericLessThan, "1.2", "1.15"),
            Match::Yes
        );
        assert_eq!(
            compare_number(ConditionOperator::NumericEquals, "10", "ten"),
            Match::Unknown
        );
    }
}
