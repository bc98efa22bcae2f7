//! The entries of a configuration that are more than an option, and what makes sense in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use iaclint::analysis::suppress::Configured;
use iaclint::facts::context::{AccountEntry, Context, PathEntry, PolicyEntry, UploadEntry};
use iaclint::files::disk::DiskFiles;
use iaclint::files::join;
use iaclint::policy::PolicyType;
use iaclint::rule::{Level, registry};
use iaclint::upload::headers::{self, CANNED_ACLS, HEADERS, SSE_VALUES};
use serde::Deserialize;
use toml::Spanned;

use super::super::earlier::Base;
use super::Config;
use super::fault::at_place;

/// An account: its number, or its number and the roots that are deployed there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum AccountSays {
    Number(String),
    Placed(PlacedAccount),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedAccount {
    id: String,
    #[serde(default)]
    paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UploadSays {
    caller: String,
    bucket: String,
    key: Option<String>,
    acl: Option<Spanned<String>>,
    server_side_encryption: Option<Spanned<String>>,
    sse_kms_key_id: Option<String>,
    storage_class: Option<String>,
    tagging: Option<String>,
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    multipart: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathSays {
    caller: String,
    endpoint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicySays {
    r#type: Spanned<String>,
    file: Spanned<String>,
    #[serde(default)]
    attached_to: Vec<String>,
}

/// `[[suppress]]`: findings that are not reported; at least one of rule, path and address is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressSays {
    rule: Option<String>,
    path: Option<String>,
    address: Option<String>,
    #[serde(default)]
    reason: String,
    /// The last day, `2027-01-31`.
    expires: Option<Spanned<String>>,
}

const POLICY_TYPES: [(&str, PolicyType); 7] = [
    ("scp", PolicyType::Scp),
    ("rcp", PolicyType::Rcp),
    ("identity", PolicyType::Identity),
    ("boundary", PolicyType::Boundary),
    ("bucket", PolicyType::Bucket),
    ("key", PolicyType::Key),
    ("endpoint", PolicyType::Endpoint),
];

fn policy_type(word: &str) -> Option<PolicyType> {
    POLICY_TYPES
        .iter()
        .find(|(w, _)| *w == word)
        .map(|(_, policy_type)| *policy_type)
}

/// `Ok(None)` turns a rule off.
fn level(word: &str) -> Result<Option<Level>, String> {
    match word {
        "error" => Ok(Some(Level::Error)),
        "warning" => Ok(Some(Level::Warning)),
        "note" => Ok(Some(Level::Note)),
        "off" => Ok(None),
        _ => Err(format!(
            "`{word}` is no level: `error`, `warning`, `note` or `off`"
        )),
    }
}

fn rules(selector: &str) -> Result<Vec<&'static str>, String> {
    let names = registry::select(selector);
    if names.is_empty() {
        let hint = registry::nearest(selector);
        let hint = hint.map_or(String::new(), |n| format!("; is `{n}` meant?"));
        return Err(format!("no rule is called `{selector}`{hint}"));
    }
    Ok(names)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [year, month, day] => {
            let in_range = |t: &str, last: u8| t.parse().is_ok_and(|n: u8| (1..=last).contains(&n));
            digits(year, 4)
                && digits(month, 2)
                && digits(day, 2)
                && in_range(month, 12)
                && in_range(day, 31)
        }
        _ => false,
    }
}

/// Says what no entry can mean, with its place.
pub fn check(config: &Config, text: &str) -> Result<(), String> {
    let fault = |at: Range<usize>, message: &str| Err(at_place(text, at.start, message));
    // A key of a table that has no span of its own is looked for.
    let found = |word: &str| text.find(word).unwrap_or(0);
    for account in config.accounts.values() {
        let id = number(account.get_ref());
        if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
            return fault(account.span(), "an account has 12 digits");
        }
    }
    if let Some(id) = &config.organization {
        if !id.starts_with("o-") {
            let at = found("organization");
            let at = text
                .get(at..)
                .and_then(|t| t.find('"'))
                .map_or(at, |n| at + n);
            return fault(at..at, "an organization's id begins with `o-`");
        }
    }
    for (selector, word) in &config.levels {
        let at = found(selector);
        rules(selector).or_else(|message| fault(at..at, &message).map(|()| Vec::new()))?;
        level(word).or_else(|message| fault(at..at, &message).map(|()| None))?;
    }
    for upload in config.upload.iter().map(Spanned::get_ref) {
        if let Some(acl) = &upload.acl {
            if !CANNED_ACLS.contains(&acl.get_ref().as_str()) {
                return fault(acl.span(), &format!("`{}` is no canned ACL", acl.get_ref()));
            }
        }
        if let Some(sse) = &upload.server_side_encryption {
            if !SSE_VALUES.contains(&sse.get_ref().as_str()) {
                let message = format!("`{}` is none of {}", sse.get_ref(), SSE_VALUES.join(", "));
                return fault(sse.span(), &message);
            }
        }
        for name in upload.headers.keys() {
            let lower = name.get_ref().to_ascii_lowercase();
            if lower != headers::TAGGING && !HEADERS.iter().any(|h| h.name == lower) {
                let message = format!("no header of an upload is called `{}`", name.get_ref());
                return fault(name.span(), &message);
            }
        }
    }
    for policy in config.policy.iter().map(Spanned::get_ref) {
        if policy_type(policy.r#type.get_ref()).is_none() {
            let words: Vec<&str> = POLICY_TYPES.iter().map(|(w, _)| *w).collect();
            let message = format!("the type is one of {}", words.join(", "));
            return fault(policy.r#type.span(), &message);
        }
        if join("", policy.file.get_ref()).is_none() {
            let message = "the file lies outside the folder of the configuration";
            return fault(policy.file.span(), message);
        }
    }
    for entry in &config.suppress {
        let says = entry.get_ref();
        if says.rule.is_none() && says.path.is_none() && says.address.is_none() {
            let message =
                "a `[[suppress]]` without `rule`, `path` and `address` would silence everything";
            return fault(entry.span(), message);
        }
        if let Some(day) = says.expires.as_ref().filter(|d| !is_date(d.get_ref())) {
            return fault(day.span(), "a date is written as `2026-12-31`");
        }
    }
    Ok(())
}

impl Config {
    /// The number of an account that is given by number or by name.
    pub fn account_number(&self, given: Option<String>) -> Option<String> {
        let given = given?;
        let number = self.accounts.get(&given).map(|a| number(a.get_ref()));
        Some(number.unwrap_or(given))
    }

    /// Levels by the names of rules; none for those that are off.
    pub fn rule_levels(&self) -> BTreeMap<String, Option<Level>> {
        let mut out = BTreeMap::new();
        // A whole name says more than the beginning of names.
        let mut selectors: Vec<(&String, &String)> = self.levels.iter().collect();
        selectors.sort_by_key(|(selector, _)| selector.len());
        for (selector, word) in selectors {
            for name in rules(selector).unwrap_or_default() {
                if let Ok(level) = level(word) {
                    out.insert(name.to_string(), level);
                }
            }
        }
        out
    }

    /// Path below the boundary and text of the file; `below` gives the former.
    fn file(&self, below: impl Fn(&str) -> Option<String>) -> Option<(Arc<str>, Arc<str>)> {
        let origin = self.origin.as_ref()?;
        Some((below(&origin.shown)?.into(), origin.text.as_str().into()))
    }

    /// The suppressions, with the places where they stand; `below` gives the path below the boundary.
    pub fn suppressions(&self, below: impl Fn(&str) -> Option<String>) -> Vec<Configured> {
        let file = self.file(below);
        let entries = self.suppress.iter();
        let all = entries.map(|entry| {
            let says = entry.get_ref();
            Configured {
                rule: says.rule.clone(),
                path: says.path.clone(),
                address: says.address.clone(),
                reason: says.reason.clone(),
                expires: says.expires.as_ref().map(|e| e.get_ref().clone()),
                file: file.clone().map(|(path, text)| (path, text, entry.span())),
            }
        });
        all.collect()
    }

    /// What the configuration says about the estate; files that it names are taken from the base where there is one.
    pub fn context(
        &self,
        files: &DiskFiles,
        base: Option<&Base>,
        below: impl Fn(&str) -> Option<String>,
    ) -> Result<Context, String> {
        let file = self.file(below);
        let accounts = self.accounts.iter();
        let accounts = accounts.map(|(name, says)| AccountEntry {
            name: name.as_str().into(),
            id: number(says.get_ref()).into(),
            paths: match says.get_ref() {
                AccountSays::Number(_) => Vec::new(),
                AccountSays::Placed(placed) => {
                    placed.paths.iter().map(|p| p.as_str().into()).collect()
                }
            },
        });
        let policies = self.policy.iter().map(|entry| {
            let says = entry.get_ref();
            let path = self.locate(says.file.get_ref());
            let inside = match base {
                // It need not stand there now.
                Some(base) => base.below(&path),
                None => files.relative(Path::new(&path)),
            };
            let file =
                inside.ok_or_else(|| format!("{path}: no such file inside the read boundary"))?;
            Ok(PolicyEntry {
                policy_type: policy_type(says.r#type.get_ref()).unwrap_or(PolicyType::Scp),
                text: base.map(|base| base.text(&file).map(Arc::from)),
                file: file.into(),
                attached_to: says.attached_to.iter().map(|a| a.as_str().into()).collect(),
                at: entry.span(),
            })
        });
        Ok(Context {
            file,
            organization: self.organization.as_deref().map(Arc::from),
            accounts: accounts.collect(),
            uploads: self.upload.iter().map(upload).collect(),
            paths: self
                .path
                .iter()
                .map(|entry| PathEntry {
                    caller: entry.get_ref().caller.as_str().into(),
                    endpoint: entry.get_ref().endpoint.as_str().into(),
                    at: entry.span(),
                })
                .collect(),
            policies: policies.collect::<Result<_, String>>()?,
        })
    }
}

fn number(says: &AccountSays) -> String {
    let (AccountSays::Number(id) | AccountSays::Placed(PlacedAccount { id, .. })) = says;
    id.clone()
}

fn upload(entry: &Spanned<UploadSays>) -> UploadEntry {
    let says = entry.get_ref();
    let mut sent: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            sent.push((name.into(), value.into()));
        }
    };
    let spanned = |value: &Option<Spanned<String>>| value.as_ref().map(|v| v.get_ref().clone());
    add(
        headers::SSE,
        spanned(&says.server_side_encryption).as_deref(),
    );
    add(headers::SSE_KEY, says.sse_kms_key_id.as_deref());
    add(headers::ACL, spanned(&says.acl).as_deref());
    add(headers::STORAGE_CLASS, says.storage_class.as_deref());
    add(headers::TAGGING, says.tagging.as_deref());
    for (name, value) in &says.headers {
        add(&name.get_ref().to_ascii_lowercase(), Some(value));
    }
    UploadEntry {
        caller: says.caller.as_str().into(),
        bucket: says.bucket.as_str().into(),
        key: says.key.as_deref().map(Arc::from),
        headers: sent,
        multipart: says.multipart,
        at: entry.span(),
    }
}
