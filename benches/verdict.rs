//! Full verdicts with witnesses on one core: one caller, one bucket, four policies, and how the time grows.
//!
//! A set is a template: a function in a VPC whose S3 endpoint has a policy, its role, and a bucket with a policy whose
//! objects are encrypted with a key that has one. Each of the four policies has six statements, written as people
//! write them: the first is a plain Allow of what an upload needs, of the others a third are Denies. Three of eight
//! object patterns are the whole bucket, the others folders, folders of folders, endings and names across buckets;
//! two of three other statements have a condition, on encryption, ACL, storage class, key id, tag, caller, endpoint, TLS or
//! lock date, in key policies on the service and the encryption context. Timed is everything from the facts on: who
//! may upload by which path, and each verdict with its witnesses; the smallest of three runs counts, since what else
//! the machine does only adds.
//!
//! `cargo bench --bench verdict` prints the distribution over generated sets and the growth by statements, patterns,
//! condition keys and values; `-- --json FILE` writes the growth as well (`scripts/growth.py` draws it), `-- --sets N` asks
//! about other than a thousand sets and leaves the growth out.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may panic, and prints what it measured"
)]

use std::time::{Duration, Instant};

use iaclint::analysis::{Request, load};
use iaclint::facts::Estate;
use iaclint::files::MemoryFiles;
use iaclint::source::{GapKind, Sources};
use iaclint::upload::decide::decide;
use iaclint::upload::pairs::pairs;
use serde_json::{Value as Json, json};

/// Sets whose times are reported.
const SETS: u64 = 1_000;
/// Statements in each of the four policies.
const STATEMENTS: usize = 6;
/// Sets of one size of the growth.
const GROWN: u64 = 15;

/// Small pseudo-random numbers, the same on every machine.
struct Seed(u64);

impl Seed {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices.get(self.below(choices.len())).unwrap_or(&"")
    }
}

/// How large a set of policies is.
#[derive(Clone, Copy)]
struct Size {
    statements: usize,
    /// Resource patterns of each statement.
    patterns: usize,
    /// Conditions of each statement.
    conditions: usize,
    /// Values of each condition.
    values: usize,
}

const USUAL: Size = Size {
    statements: STATEMENTS,
    patterns: 2,
    conditions: 1,
    values: 2,
};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Identity,
    Bucket,
    Endpoint,
    Key,
}

fn resource(seed: &mut Seed) -> String {
    let folder = ["in", "logs", "raw", "tmp", "2026", "team"][seed.below(6)];
    let number = seed.below(50);
    match seed.below(8) {
        0 | 6 | 7 => "arn:aws:s3:::acme-reports/*".into(),
        1 => format!("arn:aws:s3:::acme-reports/{folder}/{number}/*"),
        2 => format!("arn:aws:s3:::acme-reports/*/{folder}{number}"),
        3 => format!("arn:aws:s3:::acme-reports/*.{folder}"),
        4 => format!("arn:aws:s3:::acme-*/{folder}/*"),
        _ => format!("arn:aws:s3:::acme-reports/{folder}/*"),
    }
}

/// Operator, key and values of one condition.
fn condition(seed: &mut Seed, kind: Kind, values: usize) -> (String, String, Json) {
    let choice: (&str, &str, &[&str]) = if kind == Kind::Key {
        match seed.below(3) {
            0 => (
                "StringEquals",
                "kms:ViaService",
                &["s3.eu-west-1.amazonaws.com"],
            ),
            1 => (
                "StringLike",
                "kms:EncryptionContext:aws:s3:arn",
                &["arn:aws:s3:::acme-*", "arn:aws:s3:::acme-reports/*"],
            ),
            _ => (
                "StringLike",
                "kms:ViaService",
                &["s3.*.amazonaws.com", "sqs.*"],
            ),
        }
    } else {
        match seed.below(9) {
            0 => (
                ["StringNotEquals", "StringEqualsIfExists"][seed.below(2)],
                "s3:x-amz-server-side-encryption",
                &["aws:kms", "AES256"],
            ),
            1 => (
                ["StringEquals", "StringNotLike"][seed.below(2)],
                "s3:x-amz-acl",
                &["bucket-owner-full-control", "private"],
            ),
            2 => (
                ["StringNotEquals", "StringEquals"][seed.below(2)],
                "s3:x-amz-storage-class",
                &["STANDARD", "GLACIER", "STANDARD_IA"],
            ),
            3 => (
                "Null",
                "s3:x-amz-server-side-encryption-aws-kms-key-id",
                &["true"],
            ),
            4 => (
                ["StringLike", "StringNotLike"][seed.below(2)],
                "s3:RequestObjectTag/team",
                &["blue", "red-*", "green"],
            ),
            5 => (
                ["ArnLike", "ArnNotLike"][seed.below(2)],
                "aws:PrincipalArn",
                &["arn:aws:iam::*:role/nightly*", "arn:aws:iam::*:role/admin"],
            ),
            6 => (
                ["StringEquals", "StringNotEquals"][seed.below(2)],
                "aws:SourceVpce",
                &["vpce-0a", "vpce-0b"],
            ),
            7 => ("Bool", "aws:SecureTransport", &["false"]),
            _ => (
                ["DateGreaterThan", "DateLessThan"][seed.below(2)],
                "s3:object-lock-retain-until-date",
                &["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"],
            ),
        }
    };
    let (operator, key, listed) = choice;
    let fixed = operator == "Null" || operator == "Bool" || operator.starts_with("Date");
    let count = if fixed { 1 } else { 1 + seed.below(values) };
    let values = (0..count)
        .map(|n| match listed.get(n) {
            Some(value) => json!(value),
            None => json!(format!("{}{}", listed[0], seed.below(1000))),
        })
        .collect();
    (operator.into(), key.into(), Json::Array(values))
}

fn statement(seed: &mut Seed, kind: Kind, size: Size, first: bool) -> Json {
    // The first grants what an upload needs, so that the others have something to refuse.
    let deny = !first && seed.below(3) == 0;
    let mut out = json!({ "Effect": if deny { "Deny" } else { "Allow" } });
    if kind != Kind::Identity {
        let names = [
            "*",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/nightly-batch",
        ];
        out["Principal"] = match seed.of(&names) {
            "*" => json!("*"),
            name => json!({ "AWS": name }),
        };
    }
    out["Action"] = match kind {
        Kind::Key if first => json!(["kms:GenerateDataKey", "kms:Decrypt"]),
        Kind::Key => json!(seed.of(&[
            "kms:Decrypt",
            "kms:*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey"
        ])),
        _ if first => json!([
            "s3:PutObject",
            "s3:PutObjectAcl",
            "kms:GenerateDataKey",
            "kms:Decrypt"
        ]),
        _ => json!(seed.of(&[
            "s3:PutObject",
            "s3:Put*",
            "s3:GetObject",
            "s3:PutObjectTagging",
            "s3:*"
        ])),
    };
    out["Resource"] = match kind {
        Kind::Key => json!("*"),
        Kind::Identity | Kind::Endpoint if first => json!("*"),
        _ => (0..1 + seed.below(size.patterns))
            .map(|_| json!(resource(seed)))
            .collect(),
    };
    let conditions = if first {
        0
    } else {
        seed.below(size.conditions * 2 + 1).min(size.conditions)
    };
    let mut block = serde_json::Map::new();
    for _ in 0..conditions {
        let (operator, key, values) = condition(seed, kind, size.values);
        block.entry(operator).or_insert_with(|| json!({}))[key] = values;
    }
    if !block.is_empty() {
        out["Condition"] = Json::Object(block);
    }
    out
}

fn document(seed: &mut Seed, kind: Kind, size: Size) -> Json {
    let list: Vec<Json> = (0..size.statements)
        .map(|n| statement(seed, kind, size, n == 0))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": list })
}

/// A function in a VPC with an S3 endpoint, its role, and a bucket that is encrypted with a key.
fn template(seed: u64, size: Size) -> String {
    let mut seed = Seed(seed);
    let reference = |name: &str| json!({ "Ref": name });
    let arn = |name: &str| json!({ "Fn::GetAtt": [name, "Arn"] });
    let resource = |kind: &str, properties: Json| json!({ "Type": kind, "Properties": properties });
    json!({ "Resources": {
        "Network": resource("AWS::EC2::VPC", json!({ "CidrBlock": "10.0.0.0/16" })),
        "Subnet": resource("AWS::EC2::Subnet", json!({ "VpcId": reference("Network"), "CidrBlock": "10.0.0.0/24" })),
        "Routes": resource("AWS::EC2::RouteTable", json!({ "VpcId": reference("Network") })),
        "Association": resource("AWS::EC2::SubnetRouteTableAssociation", json!({
            "SubnetId": reference("Subnet"), "RouteTableId": reference("Routes"),
        })),
        "Endpoint": resource("AWS::EC2::VPCEndpoint", json!({
            "VpcId": reference("Network"), "ServiceName": "com.amazonaws.eu-west-1.s3",
            "RouteTableIds": [reference("Routes")],
            "PolicyDocument": document(&mut seed, Kind::Endpoint, size),
        })),
        "Role": resource("AWS::IAM::Role", json!({
            "RoleName": "nightly-batch",
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" },
            }] },
            "Policies": [{ "PolicyName": "upload", "PolicyDocument": document(&mut seed, Kind::Identity, size) }],
        })),
        "Function": resource("AWS::Lambda::Function", json!({
            "Role": arn("Role"), "Runtime": "python3.13", "Handler": "index.handler",
            "Code": { "ZipFile": "def handler(event, context): pass" },
            "VpcConfig": { "SubnetIds": [reference("Subnet")], "SecurityGroupIds": [] },
        })),
        "Bucket": resource("AWS::S3::Bucket", json!({
            "BucketName": "acme-reports",
            "BucketEncryption": { "ServerSideEncryptionConfiguration": [{ "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn("Key"),
            } }] },
        })),
        "BucketPolicy": resource("AWS::S3::BucketPolicy", json!({
            "Bucket": reference("Bucket"), "PolicyDocument": document(&mut seed, Kind::Bucket, size),
        })),
        "Key": resource("AWS::KMS::Key", json!({ "KeyPolicy": document(&mut seed, Kind::Key, size) })),
    } })
    .to_string()
}

fn facts(seed: u64, size: Size) -> (Sources, Estate) {
    let mut files = MemoryFiles::new();
    files.insert("template.json", template(seed, size));
    let mut request = Request::default();
    request.inputs.account = Some("111122223333".into());
    request.inputs.region = Some("eu-west-1".into());
    load(&files, &request)
}

/// Time of the verdicts on one estate, the outcome of the caller's upload, and whether it was undecided.
fn verdict(sources: &Sources, estate: &Estate) -> (Duration, &'static str, bool) {
    let mut gaps = Vec::new();
    let start = Instant::now();
    let pairs = pairs(estate, &sources.scopes, &mut gaps);
    let decided = decide(estate, &sources.scopes, pairs, &|_| true, &mut gaps);
    let time = start.elapsed();
    let outcome = decided.first().map_or("nothing", |d| d.outcome.name());
    (
        time,
        outcome,
        gaps.iter().any(|g| g.kind == GapKind::Undecided),
    )
}

/// The smallest of a few times: what else the machine does only adds.
fn quickest(sources: &Sources, estate: &Estate) -> (Duration, &'static str, bool) {
    let runs = (0..3).map(|_| verdict(sources, estate));
    runs.min_by_key(|(time, ..)| *time)
        .unwrap_or((Duration::ZERO, "nothing", false))
}

fn at(times: &[Duration], share: f64) -> f64 {
    let position = (times.len() as f64 * share) as usize;
    let time = times.get(position.min(times.len() - 1));
    time.map_or(0.0, |t| t.as_secs_f64() * 1e6)
}

/// Median and 99th percentile in microseconds, and how many were undecided, over some sets of one size.
fn measure(
    size: Size,
    sets: u64,
) -> (
    f64,
    f64,
    usize,
    std::collections::BTreeMap<&'static str, usize>,
) {
    let mut times = Vec::new();
    let mut open = 0;
    let mut outcomes = std::collections::BTreeMap::new();
    for seed in 0..sets {
        let (sources, estate) = facts(seed.wrapping_mul(7_919), size);
        let (time, outcome, undecided) = quickest(&sources, &estate);
        times.push(time);
        if undecided && sets > GROWN {
            println!("seed {seed} is undecided");
        }
        open += usize::from(undecided);
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    times.sort();
    (at(&times, 0.5), at(&times, 0.99), open, outcomes)
}

/// The word after an option.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn main() {
    // One core.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    assert!(pool.is_ok(), "the pool of threads stands already");
    let few = option("--sets").and_then(|n| n.parse().ok());
    let sets = few.unwrap_or(SETS);
    let (median, last, open, outcomes) = measure(USUAL, sets);
    println!(
        "{sets} sets, {STATEMENTS} statements a policy: median {median:.0} µs, p99 {last:.0} µs, {open} undecided, {outcomes:?}"
    );
    if few.is_some() {
        return;
    }
    let mut grown: Vec<Json> = Vec::new();
    let sizes = |of: fn(usize) -> Size, counts: &[usize]| -> Vec<(usize, Size)> {
        counts.iter().map(|n| (*n, of(*n))).collect()
    };
    let axes: [(&str, Vec<(usize, Size)>); 4] = [
        (
            "statements of each policy",
            sizes(
                |n| Size {
                    statements: n,
                    ..USUAL
                },
                &[2, 4, 6, 8, 12, 16, 24, 32],
            ),
        ),
        (
            "patterns of each statement",
            sizes(
                |n| Size {
                    patterns: n,
                    ..USUAL
                },
                &[1, 2, 4, 8, 16, 32],
            ),
        ),
        (
            "conditions of each statement",
            sizes(
                |n| Size {
                    conditions: n,
                    ..USUAL
                },
                &[1, 2, 3, 4, 6, 8],
            ),
        ),
        (
            "values of each condition",
            sizes(|n| Size { values: n, ..USUAL }, &[1, 2, 4, 8, 16, 32]),
        ),
    ];
    for (axis, sizes) in axes {
        for (count, size) in sizes {
            let (median, last, open, _) = measure(size, GROWN);
            println!(
                "{axis:<30} {count:>3}: median {median:>8.0} µs, slowest {last:>8.0} µs, {open} of {GROWN} undecided"
            );
            grown.push(json!({ "axis": axis, "count": count, "median": median, "slowest": last, "undecided": open }));
        }
    }
    if let Some(path) = option("--json") {
        let text = serde_json::to_string_pretty(&grown).unwrap_or_default();
        if let Err(error) = std::fs::write(&path, text + "\n") {
            println!("{path}: {error}");
        }
    }
}
