//! Digests, and what depends on chance.

use std::fmt::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{Body, Call, Entry, FunctionContext, Outcome};

const DIFFERS: &str = "gives another result in each run";

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "md5" => (
            1,
            1,
            Body::Pure(|c| c.made_str(hex(&Md5::digest(c.literal(0)?.as_bytes())), 0)),
        ),
        "sha1" => (
            1,
            1,
            Body::Pure(|c| c.made_str(hex(&Sha1::digest(c.literal(0)?.as_bytes())), 0)),
        ),
        "sha256" => (
            1,
            1,
            Body::Pure(|c| c.made_str(hex(&Sha256::digest(c.literal(0)?.as_bytes())), 0)),
        ),
        "sha512" => (
            1,
            1,
            Body::Pure(|c| c.made_str(hex(&Sha512::digest(c.literal(0)?.as_bytes())), 0)),
        ),
        "base64sha256" => (
            1,
            1,
            Body::Pure(|c| {
                c.made_str(STANDARD.encode(Sha256::digest(c.literal(0)?.as_bytes())), 0)
            }),
        ),
        "base64sha512" => (
            1,
            1,
            Body::Pure(|c| {
                c.made_str(STANDARD.encode(Sha512::digest(c.literal(0)?.as_bytes())), 0)
            }),
        ),
        "filemd5" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| hex(&Md5::digest(t)))),
        ),
        "filesha1" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| hex(&Sha1::digest(t)))),
        ),
        "filesha256" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| hex(&Sha256::digest(t)))),
        ),
        "filesha512" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| hex(&Sha512::digest(t)))),
        ),
        "filebase64sha256" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| STANDARD.encode(Sha256::digest(t)))),
        ),
        "filebase64sha512" => (
            1,
            1,
            Body::Reading(|c, x| of_file(c, x, |t| STANDARD.encode(Sha512::digest(t)))),
        ),
        "uuidv5" => (2, 2, Body::Pure(uuidv5)),
        "uuid" => (0, 0, Body::Impure(DIFFERS)),
        "bcrypt" => (1, 2, Body::Impure(DIFFERS)),
        "rsadecrypt" => (
            2,
            2,
            Body::Impure("is not computed, because it needs a private key"),
        ),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn of_file(call: &Call, context: &mut dyn FunctionContext, digest: fn(&[u8]) -> String) -> Outcome {
    let (_, text): (_, Arc<str>) = context.read_file(call.present(0)?)?;
    call.made_str(digest(text.as_bytes()), 0)
}

fn uuidv5(call: &Call) -> Outcome {
    let (space, name) = (call.literal(0)?, call.literal(1)?);
    let written = match &*space {
        "dns" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "url" => "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "oid" => "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
        "x500" => "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
        other => other,
    };
    let digits: String = written.chars().filter(|c| *c != '-').collect();
    let Ok(space) = u128::from_str_radix(&digits, 16).map(u128::to_be_bytes) else {
        return call.error("the namespace is no UUID");
    };
    if digits.len() != 32 {
        return call.error("the namespace is no UUID");
    }
    let mut hasher = Sha1::new();
    hasher.update(space);
    hasher.update(name.as_bytes());
    let digest = hasher.finalize();
    let number = digest
        .iter()
        .take(16)
        .fold(0u128, |n, b| (n << 8) | u128::from(*b));
    let number = (number & !(0xf << 76)) | (5 << 76);
    let number = (number & !(0x3 << 62)) | (0x2 << 62);
    let text = format!("{number:032x}");
    let part = |s: usize, e: usize| text.get(s..e).unwrap_or("");
    call.made_str(
        format!(
            "{}-{}-{}-{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32)
        ),
        1,
    )
}
