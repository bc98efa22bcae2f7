//! Blocks of addresses, as policies write them.

use std::net::IpAddr;

use ipnet::IpNet;

/// A block, or a single address as a block of its own.
pub fn read_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}
