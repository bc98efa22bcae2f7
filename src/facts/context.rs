//! What the configuration says about an estate beside its sources: accounts, the organization, the uploads that
//! people make, the paths they take, and policies that lie in files of their own.

use std::sync::Arc;

use crate::facts::{
    AttachedPolicy, Bucket, Caller, Estate, Header, KmsKey, OrganizationPolicy, Policies,
    VpcEndpoint,
};
use crate::files::{Files, SourceFile};
use crate::pattern::{self, Match, PatternOptions};
use crate::policy::{Policy, PolicyType, parse};
use crate::source::{Gap, GapKind, Scope, Sources, json};
use crate::value::{FileId, Place, Span, Text, Value};

/// The configuration of a run, as far as it speaks of the estate.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Path and text of the file, where it lies inside the read boundary: places of entries lead there.
    pub file: Option<(Arc<str>, Arc<str>)>,
    /// `o-…`.
    pub organization: Option<Arc<str>>,
    pub accounts: Vec<AccountEntry>,
    pub uploads: Vec<UploadEntry>,
    pub paths: Vec<PathEntry>,
    pub policies: Vec<PolicyEntry>,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    pub name: Arc<str>,
    /// 12 digits.
    pub id: Arc<str>,
    /// Root modules and templates that are deployed there, as wildcards.
    pub paths: Vec<Arc<str>>,
}

/// Bytes of an entry in the configuration.
pub type At = std::ops::Range<usize>;

/// An upload that somebody makes.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadEntry {
    /// Address, name or ARN; wildcards are allowed.
    pub caller: Arc<str>,
    pub bucket: Arc<str>,
    pub key: Option<Arc<str>>,
    /// By their names as S3 has them.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    pub multipart: bool,
    pub at: At,
}

/// By which way a caller reaches S3.
#[derive(Debug, Clone, PartialEq)]
pub struct PathEntry {
    pub caller: Arc<str>,
    /// `internet`, or address or id of an endpoint.
    pub endpoint: Arc<str>,
    pub at: At,
}

/// A policy in a file of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyEntry {
    pub policy_type: PolicyType,
    /// Relative to the read boundary.
    pub file: Arc<str>,
    /// Its text as another tree has it, or why that has none; `None`: it is read with the sources.
    pub text: Option<Result<Arc<str>, String>>,
    /// Whom it is attached to: callers, buckets, keys or endpoints by wildcards, accounts by name or number.
    pub attached_to: Vec<Arc<str>>,
    pub at: At,
}

/// What of a context is needed to decide uploads.
#[derive(Debug, Clone, Default)]
pub struct Stated {
    pub organization: Option<Text>,
    /// Numbers of the organization's accounts.
    pub accounts: Vec<Text>,
    pub uploads: Vec<StatedUpload>,
    pub paths: Vec<StatedPath>,
}

#[derive(Debug, Clone)]
pub struct StatedUpload {
    pub caller: Text,
    pub bucket: Text,
    pub key: Option<Text>,
    pub headers: Vec<Header>,
    pub multipart: bool,
    pub place: Place,
}

impl StatedUpload {
    /// True where it sends no header and comes in one part.
    pub fn is_plain(&self) -> bool {
        self.headers.is_empty() && !self.multipart
    }
}

#[derive(Debug, Clone)]
pub struct StatedPath {
    pub caller: Text,
    pub endpoint: Text,
    pub place: Place,
}

fn meets(pattern: &Text, texts: [&Text; 3]) -> bool {
    let meets = |t: &Text| pattern::matches(pattern, t, &PatternOptions::GLOB) == Match::Yes;
    texts.into_iter().any(meets)
}

/// True where a pattern of the configuration means a caller, by address, name or ARN.
pub fn means_caller(pattern: &Text, caller: &Caller) -> bool {
    let address = Text::literal(caller.address.clone());
    meets(pattern, [&address, &caller.name, &caller.arn])
}

/// True where a pattern of the configuration means a bucket.
pub fn means_bucket(pattern: &Text, bucket: &Bucket) -> bool {
    let address = Text::literal(bucket.address.clone());
    meets(pattern, [&address, &bucket.name, &bucket.arn])
}

/// True where a pattern of the configuration means an endpoint.
pub fn means_endpoint(pattern: &Text, endpoint: &VpcEndpoint) -> bool {
    let address = Text::literal(endpoint.address.clone());
    meets(pattern, [&address, &endpoint.id, &endpoint.id])
}

fn means_key(pattern: &Text, key: &KmsKey) -> bool {
    let address = Text::literal(key.address.clone());
    meets(pattern, [&address, &key.id, &key.arn])
        || key.aliases.iter().any(|alias| meets(pattern, [alias; 3]))
}

/// Gives scopes the accounts that the configuration states for their paths, where the sources state none.
pub fn settle_accounts(context: &Context, scopes: &mut [Scope]) {
    for scope in scopes.iter_mut().filter(|s| !s.id.is_elsewhere()) {
        let path = Text::literal(scope.path.clone());
        let of = |a: &&AccountEntry| {
            let mut paths = a.paths.iter();
            paths.any(|p| meets(&Text::literal(p.clone()), [&path; 3]))
        };
        let Some(account) = context.accounts.iter().find(of) else {
            continue;
        };
        match scope.providers.iter_mut().find(|p| p.name.is_empty()) {
            Some(provider) => {
                provider.account.get_or_insert_with(|| account.id.clone());
            }
            None => scope.providers.push(crate::source::Provider {
                name: "".into(),
                account: Some(account.id.clone()),
                region: None,
                place: None,
                assume_role: None,
            }),
        }
    }
}

/// A context with the files that it names.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    context: Arc<Context>,
    file: Option<FileId>,
    /// As the entries; or why one cannot be read.
    policies: Vec<Result<Policy, String>>,
}

/// Reads the files that a configuration names.
pub fn prepare(context: &Arc<Context>, files: &dyn Files, sources: &mut Sources) -> Prepared {
    let file = context.file.as_ref();
    let file = file.map(|(path, text)| {
        let file = SourceFile::new(path.clone(), text.clone());
        sources.files.add_apart(file)
    });
    let policies = context.policies.iter();
    Prepared {
        context: context.clone(),
        file,
        policies: policies.map(|entry| read(entry, files, sources)).collect(),
    }
}

/// Adds to an estate what the configuration says about it. Entries that mean nothing here become gaps.
pub fn complete(prepared: &Prepared, estate: &mut Estate) {
    let context = &*prepared.context;
    let place = |at: &At| {
        Place::at(match prepared.file {
            Some(id) => Span::new(id, at.start, at.end),
            None => Span::new(FileId(0), 0, 0),
        })
    };
    estate.stated.organization = context.organization.clone().map(Text::literal);
    let numbers = context.accounts.iter().map(|a| Text::literal(a.id.clone()));
    estate.stated.accounts = numbers.collect();
    for upload in &context.uploads {
        let place = place(&upload.at);
        let headers = upload.headers.iter().map(|(name, value)| Header {
            name: name.clone(),
            value: Text::literal(value.clone()),
            place: place.clone(),
        });
        let stated = StatedUpload {
            caller: Text::literal(upload.caller.clone()),
            bucket: Text::literal(upload.bucket.clone()),
            key: upload.key.clone().map(Text::literal),
            headers: headers.collect(),
            multipart: upload.multipart,
            place: place.clone(),
        };
        let callers = estate
            .callers
            .iter()
            .any(|c| means_caller(&stated.caller, c));
        let buckets = estate
            .buckets
            .iter()
            .any(|b| means_bucket(&stated.bucket, b));
        if !callers {
            estate.gaps.push(nothing("caller", &upload.caller, &place));
        }
        if !buckets {
            estate.gaps.push(nothing("bucket", &upload.bucket, &place));
        }
        estate.stated.uploads.push(stated);
    }
    for path in &context.paths {
        let place = place(&path.at);
        let stated = StatedPath {
            caller: Text::literal(path.caller.clone()),
            endpoint: Text::literal(path.endpoint.clone()),
            place: place.clone(),
        };
        if !estate
            .callers
            .iter()
            .any(|c| means_caller(&stated.caller, c))
        {
            estate.gaps.push(nothing("caller", &path.caller, &place));
        }
        estate.stated.paths.push(stated);
    }
    for (entry, policy) in context.policies.iter().zip(&prepared.policies) {
        match policy {
            Ok(policy) => attach(entry, policy.clone(), context, &place(&entry.at), estate),
            Err(why) => estate.gaps.push(Gap {
                what: entry.file.clone(),
                why: why.as_str().into(),
                place: Some(place(&entry.at)),
                path: None,
                kind: GapKind::Reading,
            }),
        }
    }
}

fn nothing(what: &str, named: &str, place: &Place) -> Gap {
    Gap {
        what: named.into(),
        why: format!("no {what} of the estate is called so").into(),
        place: Some(place.clone()),
        path: None,
        kind: GapKind::Missing,
    }
}

fn read(entry: &PolicyEntry, files: &dyn Files, sources: &mut Sources) -> Result<Policy, String> {
    let text = match &entry.text {
        Some(text) => text.clone()?,
        None => {
            let bytes = files.read(&entry.file).map_err(|e| e.to_string())?;
            let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8")?;
            Arc::from(text)
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let id = sources.files.add(SourceFile::new(entry.file.clone(), text));
    let value: Value = json::parse_file(id, text).map_err(|e| e.message)?;
    // AWS's own output wraps the document, or holds it as a text.
    let inner = ["PolicyDocument", "Policy", "Content"]
        .iter()
        .find_map(|key| value.get(key));
    let inner = inner.unwrap_or(&value);
    Ok(parse::parse(inner, entry.policy_type, &entry.file))
}

fn attach(entry: &PolicyEntry, policy: Policy, context: &Context, at: &Place, estate: &mut Estate) {
    estate.policies += 1;
    if policy.gaps.is_empty() && !policy.open {
        estate.policies_understood += 1;
    }
    let policy = Arc::new(policy);
    let attached = AttachedPolicy {
        policy: policy.clone(),
        guards: Vec::new(),
        attached: None,
    };
    let patterns: Vec<Text> = entry
        .attached_to
        .iter()
        .map(|p| Text::literal(p.clone()))
        .collect();
    let add = |policies: &mut Option<Policies>| {
        let policies = policies.get_or_insert_default();
        policies.attached.push(attached.clone());
    };
    let mut count = 0;
    match entry.policy_type {
        PolicyType::Scp | PolicyType::Rcp => {
            let targets = targets(entry, context, estate);
            count += targets.len();
            estate.organization.push(OrganizationPolicy {
                address: entry.file.clone(),
                policy,
                targets: targets.into_iter().map(|t| (Vec::new(), t)).collect(),
                scope: crate::value::ScopeId(0),
                guards: Vec::new(),
            });
        }
        PolicyType::Identity | PolicyType::Boundary | PolicyType::Session => {
            for caller in &mut estate.callers {
                if !patterns.iter().any(|p| means_caller(p, caller)) {
                    continue;
                }
                count += 1;
                if entry.policy_type == PolicyType::Identity {
                    caller.identity.attached.push(attached.clone());
                } else {
                    add(&mut caller.boundary);
                }
            }
        }
        PolicyType::Bucket | PolicyType::AccessPoint | PolicyType::Trust => {
            for bucket in &mut estate.buckets {
                if patterns.iter().any(|p| means_bucket(p, bucket)) {
                    count += 1;
                    add(&mut bucket.policy);
                }
            }
        }
        PolicyType::Key => {
            for key in &mut estate.keys {
                if patterns.iter().any(|p| means_key(p, key)) {
                    count += 1;
                    add(&mut key.policy);
                }
            }
        }
        PolicyType::Endpoint => {
            for endpoint in &mut estate.endpoints {
                if patterns.iter().any(|p| means_endpoint(p, endpoint)) {
                    count += 1;
                    add(&mut endpoint.policy);
                }
            }
        }
    }
    if count == 0 {
        let named = entry.attached_to.join(", ");
        estate.gaps.push(Gap {
            what: entry.file.clone(),
            why: format!("nothing of the estate is called `{named}`").into(),
            place: Some(at.clone()),
            path: None,
            kind: GapKind::Missing,
        });
    }
}

/// The accounts that an organization policy reaches: those that are named, else all that the estate has.
fn targets(entry: &PolicyEntry, context: &Context, estate: &Estate) -> Vec<Text> {
    let number = |named: &Arc<str>| {
        let known = context.accounts.iter().find(|a| a.name == *named);
        Text::literal(known.map_or_else(|| named.clone(), |a| a.id.clone()))
    };
    if !entry.attached_to.is_empty() {
        return entry.attached_to.iter().map(number).collect();
    }
    let callers = estate.callers.iter().map(|c| &c.account.id);
    let buckets = estate.buckets.iter().map(|b| &b.account.id);
    let keys = estate.keys.iter().map(|k| &k.account.id);
    let mut out: Vec<Text> = Vec::new();
    for id in callers.chain(buckets).chain(keys) {
        if !out.contains(id) {
            out.push(id.clone());
        }
    }
    out
}
