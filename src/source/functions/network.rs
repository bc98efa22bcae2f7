//! Functions of address ranges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Body, Call, ELEMENTS, Entry, FunctionError, MANY, Outcome};
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "cidrhost" => (2, 2, Body::Pure(host)),
        "cidrnetmask" => (1, 1, Body::Pure(netmask)),
        "cidrsubnet" => (3, 3, Body::Pure(subnet)),
        "cidrsubnets" => (1, MANY, Body::Pure(subnets)),
        _ => return None,
    })
}

/// A range as numbers: its first address, the bits of its prefix, the bits of an address.
#[derive(Clone, Copy)]
struct Range {
    first: u128,
    prefix: u32,
    bits: u32,
}

impl Range {
    /// The address whose distance from the first is that number.
    fn address(self, number: u128) -> IpAddr {
        match self.bits {
            32 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
            _ => IpAddr::V6(Ipv6Addr::from(number)),
        }
    }

    fn written(self) -> String {
        format!("{}/{}", self.address(self.first), self.prefix)
    }
}

/// How many addresses the bits make; saturates where they are all of IPv6.
fn power(bits: u32) -> u128 {
    1u128.checked_shl(bits).unwrap_or(u128::MAX)
}

fn range(call: &Call) -> Result<Range, FunctionError> {
    let text = call.literal(0)?;
    match text.parse::<IpNet>() {
        Ok(IpNet::V4(net)) => Ok(Range {
            first: u32::from(net.network()).into(),
            prefix: net.prefix_len().into(),
            bits: 32,
        }),
        Ok(IpNet::V6(net)) => Ok(Range {
            first: net.network().into(),
            prefix: net.prefix_len().into(),
            bits: 128,
        }),
        Err(_) => call.error(format!("invalid CIDR expression: \"{text}\"")),
    }
}

fn host(call: &Call) -> Outcome {
    let range = range(call)?;
    let number = call.whole(1)?;
    let size = power(range.bits - range.prefix);
    let distance = if number < 0 {
        size.checked_sub(number.unsigned_abs())
    } else {
        Some(number.unsigned_abs())
    };
    match distance
        .filter(|d| *d < size)
        .and_then(|d| range.first.checked_add(d))
    {
        Some(address) => call.made_str(range.address(address).to_string(), 0),
        None => call.error(format!(
            "prefix of {} does not accommodate a host numbered {number}",
            range.prefix
        )),
    }
}

fn netmask(call: &Call) -> Outcome {
    let range = range(call)?;
    if range.bits != 32 {
        return call.error("IPv6 addresses cannot have a netmask");
    }
    let mask = u32::MAX.checked_shl(32 - range.prefix).unwrap_or(0);
    call.made_str(Ipv4Addr::from(mask).to_string(), 0)
}

fn subnet(call: &Call) -> Outcome {
    let range = range(call)?;
    let (more, number) = (call.whole(1)?, call.whole(2)?);
    let Some(more) = u32::try_from(more)
        .ok()
        .filter(|m| *m <= range.bits - range.prefix)
    else {
        return call.error(format!(
            "insufficient address space to extend prefix of {} by {more}",
            range.prefix
        ));
    };
    let count = power(more);
    let index = if number < 0 {
        count.checked_sub(number.unsigned_abs())
    } else {
        Some(number.unsigned_abs())
    };
    let Some(index) = index.filter(|i| *i < count) else {
        return call.error(format!(
            "prefix extension of {more} does not accommodate a subnet numbered {number}"
        ));
    };
    let prefix = range.prefix + more;
    let first = range.first | index.checked_shl(range.bits - prefix).unwrap_or(0);
    call.made_str(
        Range {
            first,
            prefix,
            bits: range.bits,
        }
        .written(),
        0,
    )
}

fn subnets(call: &Call) -> Outcome {
    let range = range(call)?;
    if call.arguments.len() > ELEMENTS {
        return call.limit();
    }
    let mut next = Some(range.first);
    let last = range
        .first
        .saturating_add(power(range.bits - range.prefix) - 1);
    let mut out = Vec::new();
    for index in 1..call.arguments.len() {
        let more = call.whole(index)?;
        let Some(more) = u32::try_from(more)
            .ok()
            .filter(|m| (1..=range.bits - range.prefix).contains(m))
        else {
            return call.error(format!(
                "must extend prefix of {} by at least one bit and fit",
                range.prefix
            ));
        };
        let prefix = range.prefix + more;
        let size = power(range.bits - prefix);
        // The next free address, moved up to a multiple of the size.
        let first = next.and_then(|n| n.checked_add((size - n % size) % size));
        let end = first
            .and_then(|f| f.checked_add(size - 1))
            .filter(|e| *e <= last);
        let (Some(first), Some(end)) = (first, end) else {
            return call.error(format!(
                "not enough remaining address space for a subnet with a prefix of {prefix} bits"
            ));
        };
        out.push(Value::text(
            Range {
                first,
                prefix,
                bits: range.bits,
            }
            .written(),
            call.through(0),
        ));
        next = end.checked_add(1);
    }
    call.list(out, call.of(0))
}
