//! What AWS documents about the actions of S3 and KMS: kinds of resource, condition keys, names.
//!
//! The table is `actions.txt`. About other services nothing is known here, and nothing is said.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Keys of how a request was signed and sent, which nearly every S3 action has.
const AUTH: [&str; 6] = [
    "s3:authtype",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:x-amz-content-sha256",
];

/// Keys of tags exist only for actions and resources that have them; other keys of `aws:` are for all.
const TAG_KEYS: [&str; 3] = ["aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"];

/// One documented action.
#[derive(Debug)]
pub struct ActionEntry {
    /// As AWS writes it.
    pub name: &'static str,
    /// Kinds of resource; empty where the action works on `*` only.
    pub resources: Vec<&'static str>,
    /// Condition keys as AWS writes them; one that ends in `/` or `:` is a family.
    pub keys: Vec<&'static str>,
}

#[derive(Default)]
struct Table {
    /// By lower-cased name.
    actions: BTreeMap<String, ActionEntry>,
    /// Condition keys of kinds of resource.
    resources: BTreeMap<&'static str, Vec<&'static str>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in include_str!("actions.txt").lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            None | Some("#") => {}
            Some(name) if name.contains(':') => {
                let kinds = words.next().unwrap_or("*").split(',');
                let entry = ActionEntry {
                    name,
                    resources: kinds.filter(|kind| *kind != "*").collect(),
                    keys: words.collect(),
                };
                table.actions.insert(name.to_ascii_lowercase(), entry);
            }
            Some(kind) => {
                table.resources.insert(kind, words.collect());
            }
        }
    }
    table
});

/// The action of that name, in any case.
pub fn action(name: &str) -> Option<&'static ActionEntry> {
    TABLE.actions.get(name.to_ascii_lowercase().as_str())
}

/// May a request of the action have the condition key? `None` where the action is not documented here.
///
/// `Some(false)`: a positive test never holds, a negated one always.
pub fn has_key(action_name: &str, key: &str) -> Option<bool> {
    let entry = action(action_name)?;
    let key = key.to_ascii_lowercase();
    let is_tag = TAG_KEYS.iter().any(|t| key.starts_with(t));
    if key.starts_with("aws:") && !is_tag {
        return Some(true);
    }
    let listed = |listed: &str| match listed {
        "auth" => AUTH.contains(&key.as_str()),
        family if family.ends_with(['/', ':']) => key
            .get(..family.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(family)),
        name => name.eq_ignore_ascii_case(&key),
    };
    let of_resources = entry
        .resources
        .iter()
        .filter_map(|kind| TABLE.resources.get(kind));
    Some(
        entry
            .keys
            .iter()
            .chain(of_resources.flatten())
            .any(|k| listed(k)),
    )
}

/// The documented action that a misspelt name is nearest to, if one is near. `None` for a right name, for a
/// pattern, and for other services.
pub fn suggest_action(name: &str) -> Option<&'static str> {
    if name.contains(['*', '?']) || action(name).is_some() {
        return None;
    }
    let service = name.split_once(':')?.0;
    let own = |entry: &&ActionEntry| {
        entry
            .name
            .split_once(':')
            .is_some_and(|(s, _)| s.eq_ignore_ascii_case(service))
    };
    nearest(
        name,
        TABLE.actions.values().filter(own).map(|entry| entry.name),
    )
}

/// The documented key of S3 or KMS that a misspelt one is nearest to, if one is near.
pub fn suggest_key(key: &str) -> Option<&'static str> {
    let prefix = key.split_once(':')?.0;
    let mut known: Vec<&'static str> = TABLE
        .actions
        .values()
        .flat_map(|entry| entry.keys.iter().copied())
        .chain(TABLE.resources.values().flatten().copied())
        .filter(|k| *k != "auth")
        .chain([
            "s3:authType",
            "s3:ResourceAccount",
            "s3:signatureAge",
            "s3:signatureversion",
            "s3:TlsVersion",
        ])
        .chain(["s3:x-amz-content-sha256"])
        .filter(|k| {
            k.split_once(':')
                .is_some_and(|(p, _)| p.eq_ignore_ascii_case(prefix))
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let is_known = |known: &&str| match known.ends_with(['/', ':']) {
        true => key
            .get(..known.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(known)),
        false => known.eq_ignore_ascii_case(key),
    };
    if known.iter().any(is_known) {
        return None;
    }
    nearest(key, known.into_iter())
}

/// The name at the smallest distance, which must be small for its length; the first of several.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.len() > 128 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let limit = (name.len() / 5).clamp(1, 3);
    known
        .map(|other| (distance(&name, &other.to_ascii_lowercase()), other))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// Letters to insert, drop or change to get from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (position, c) in a.chars().enumerate() {
        let mut next = vec![position + 1];
        for (at, d) in b.iter().enumerate() {
            let of = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let change = of(&row, at) + usize::from(c != *d);
            next.push(change.min(of(&row, at + 1) + 1).min(of(&next, at) + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_actions() {
        for (action, key, answer) in [
            ("s3:PutObject", "s3:x-amz-acl", Some(true)),
            ("s3:putobject", "S3:X-Amz-Acl", Some(true)),
            ("s3:PutObject", "s3:TlsVersion", Some(true)),
            ("s3:PutObject", "s3:RequestObjectTag/team", Some(true)),
            ("s3:PutObject", "s3:prefix", Some(false)),
            ("s3:PutObject", "s3:ExistingObjectTag/state", Some(false)),
            ("s3:PutObject", "s3:VersionId", Some(false)),
            ("s3:PutObject", "aws:SourceVpce", Some(true)),
            ("s3:PutObject", "aws:RequestTag/team", Some(false)),
            ("s3:PutObject", "aws:ResourceTag/team", Some(true)),
            (
                "kms:GenerateDataKey",
                "kms:EncryptionContext:aws:s3:arn",
                Some(true),
            ),
            ("kms:Decrypt", "kms:KeySpec", Some(true)),
            ("kms:Decrypt", "s3:prefix", Some(false)),
            ("sqs:SendMessage", "s3:prefix", None),
        ] {
            assert_eq!(has_key(action, key), answer, "{action} {key}");
        }
        assert!(action("s3:ListAllMyBuckets").is_some_and(|a| a.resources.is_empty()));
        assert_eq!(TABLE.actions.len(), 236);
    }

    #[test]
    fn nearest_names() {
        for (written, meant) in [
            ("s3:PutObjects", Some("s3:PutObject")),
            ("s3:PutObjectACL", None),
            ("s3:PutObjectAlc", Some("s3:PutObjectAcl")),
            ("s3:Put*", None),
            ("kms:GenerateDatakeys", Some("kms:GenerateDataKey")),
            ("s3:Nonsense", None),
        ] {
            assert_eq!(suggest_action(written), meant, "{written}");
        }
        for (written, meant) in [
            (
                "s3:x-amz-server-side-encrytion",
                Some("s3:x-amz-server-side-encryption"),
            ),
            ("s3:RequestObjectTag/team", None),
            ("s3:x-amz-acl", None),
            ("aws:SourceVpce", None),
        ] {
            assert_eq!(suggest_key(written), meant, "{written}");
        }
    }
}
