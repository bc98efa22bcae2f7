//! Points of numbers, dates and addresses: one inside each interval or block and on each bound.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::decision::compare::{read_date, read_number};
use crate::pattern::address::read_network;
use crate::policy::{ConditionOperator, ConditionTest};
use crate::value::Text;

/// The listed values that are known.
pub fn literal_values<'t>(tests: &'t [&ConditionTest]) -> impl Iterator<Item = &'t str> {
    tests
        .iter()
        .filter(|t| t.operator != ConditionOperator::Null)
        .flat_map(|t| t.values.iter())
        .filter_map(|v| v.text.as_literal())
}

/// An address outside every block first, then one inside each, then the points around the blocks.
pub fn addresses(tests: &[&ConditionTest]) -> Vec<Text> {
    let mut networks: Vec<IpNet> = literal_values(tests).filter_map(read_network).collect();
    networks.sort();
    networks.dedup();
    let mut points: Vec<IpAddr> = vec![IpAddr::from([198, 51, 100, 1])];
    for network in &networks {
        // The first host, where there is one, reads better than the network's own address.
        points.extend(network.hosts().next());
        points.push(network.network());
        points.push(network.broadcast());
        for (edge, up) in [(network.network(), false), (network.broadcast(), true)] {
            points.extend(neighbour(edge, up));
        }
    }
    points.push(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
    points.extend(
        ["192.0.2.1", "8.8.8.8", "2600::1"]
            .iter()
            .filter_map(|a| a.parse::<IpAddr>().ok()),
    );
    let signature =
        |address: &IpAddr| -> Vec<bool> { networks.iter().map(|n| n.contains(address)).collect() };
    let mut seen = BTreeSet::new();
    points.retain(|point| seen.insert(signature(point)));
    // Outside everything is the plain case.
    points.sort_by_key(|point| signature(point).iter().any(|b| *b));
    points
        .into_iter()
        .map(|p| Text::literal(p.to_string()))
        .collect()
}

fn neighbour(address: IpAddr, up: bool) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => {
            let n = u32::from(a);
            let n = if up {
                n.checked_add(1)?
            } else {
                n.checked_sub(1)?
            };
            Some(IpAddr::V4(n.into()))
        }
        IpAddr::V6(a) => {
            let n = u128::from(a);
            let n = if up {
                n.checked_add(1)?
            } else {
                n.checked_sub(1)?
            };
            Some(IpAddr::V6(n.into()))
        }
    }
}

/// Every bound, and a point in each interval between and outside.
pub fn numbers(tests: &[&ConditionTest]) -> Vec<Text> {
    let mut bounds: Vec<f64> = literal_values(tests).filter_map(read_number).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let mut points = vec![bounds.last().map_or(1.0, |last| last.floor() + 1.0)];
    for (position, bound) in bounds.iter().enumerate() {
        let before = match position.checked_sub(1).and_then(|p| bounds.get(p)) {
            None => (bound - 1.0).ceil().min(bound - 0.5),
            Some(previous) => {
                let whole = previous.floor() + 1.0;
                if whole < *bound {
                    whole
                } else {
                    previous + (bound - previous) / 2.0
                }
            }
        };
        points.push(before);
        points.push(*bound);
    }
    points
        .into_iter()
        .map(|n| Text::literal(n.to_string()))
        .collect()
}

/// As [`numbers`], in epoch seconds or the date as written.
pub fn dates(tests: &[&ConditionTest]) -> Vec<Text> {
    let mut bounds: Vec<(i128, String)> = literal_values(tests)
        .filter_map(|t| Some((read_date(t)?, t.to_string())))
        .collect();
    bounds.sort();
    bounds.dedup_by_key(|(millis, _)| *millis);
    let seconds = |millis: i128| written_date(millis.div_euclid(1000) * 1000);
    let mut points = vec![seconds(
        bounds
            .last()
            .map_or(1_767_225_600_000, |(last, _)| last + 86_400_000),
    )];
    for (position, (millis, written)) in bounds.iter().enumerate() {
        points.push(match position.checked_sub(1).and_then(|p| bounds.get(p)) {
            None => seconds(millis - 86_400_000),
            Some((previous, _)) => {
                let middle = previous + (millis - previous) / 2;
                if middle.div_euclid(1000) * 1000 > *previous {
                    seconds(middle)
                } else {
                    // Less than a second.
                    written_date((previous + 1).min(millis - 1))
                }
            }
        });
        points.push(Text::literal(written.as_str()));
    }
    points
}

/// Milliseconds since 1970 in the first way of writing them that is read as the same instant: four digits
/// would be a year, and many digits are milliseconds.
fn written_date(millis: i128) -> Text {
    let (seconds, rest) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    let ways = [
        seconds.to_string(),
        format!("{seconds:05}"),
        millis.to_string(),
        format!("{seconds}.{rest:03}"),
    ];
    let [plain, ..] = &ways;
    let read_back = ways.iter().find(|way| read_date(way) == Some(millis));
    Text::literal(read_back.unwrap_or(plain).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_dates_are_read_back() {
        for (millis, written) in [
            (1_767_225_600_000, "1767225600"),
            (2_000_000, "02000"),
            (-100_000, "-0100"),
            (1_700_000_000_001, "1700000000001"),
            (253_402_300_800_000, "253402300800000"),
            (1_001, "1.001"),
        ] {
            assert_eq!(written_date(millis), Text::literal(written));
            assert_eq!(read_date(written), Some(millis));
        }
    }
}
