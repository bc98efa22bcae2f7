//! A second opinion on the search over requests: an SMT solver answers the same question on small policies.
//!
//! `IACLINT_SMT` names the solver (a `z3`, or anything else that speaks SMT-LIB as cvc5 does); without it
//! nothing is compared. `scripts/smt.sh` installs one and runs this.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and says how many cases ran"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use iaclint::decision::evaluate::evaluate;
use iaclint::decision::search::{SearchResult, search};
use iaclint::decision::space::{
    Class, Domain, Variable, classes_of, domain_values, key_classes, tests_on,
};
use iaclint::decision::{
    AccountRelation, ContextValue, EndpointKind, Layer, Match, PolicySet, Principal, Reading,
    Request, RequestContext, TargetKind, World,
};
use iaclint::policy::{ConditionTest, Policy, PolicyType, PolicyVersion, parse::parse};
use iaclint::value::{FileId, Place, Span, Text, Unknown, Value};
use serde_json::{Value as Json, json};

/// Sets of policies that are compared.
const CASES: u64 = 2_500;
/// Milliseconds of the solver for one question.
const TIME_LIMIT: u32 = 1_000;
/// States of one search, as the decision has them.
const BUDGET: usize = 20_000;
const PREFIX: &str = "arn:aws:s3:::b/";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Arn,
    Ip,
    Bool,
    Number,
    Date,
    Many,
    Bytes,
}

const KEYS: [(&str, Kind); 9] = [
    ("s3:x-amz-acl", Kind::Text),
    ("s3:x-amz-storage-class", Kind::Text),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", Kind::Arn),
    ("aws:SourceIp", Kind::Ip),
    ("aws:SecureTransport", Kind::Bool),
    ("s3:object-lock-remaining-retention-days", Kind::Number),
    ("s3:object-lock-retain-until-date", Kind::Date),
    ("aws:CalledVia", Kind::Many),
    // No key of S3 is binary; any key may be tested as one.
    ("custom:Digest", Kind::Bytes),
];

#[derive(Debug, Clone)]
struct Test {
    key: usize,
    set: &'static str,
    operator: &'static str,
    if_exists: bool,
    values: Vec<String>,
}

impl Test {
    fn written(&self) -> String {
        let suffix = if self.if_exists { "IfExists" } else { "" };
        format!("{}{}{suffix}", self.set, self.operator)
    }
}

#[derive(Debug, Clone)]
struct Statement {
    allow: bool,
    negated: bool,
    resources: Vec<String>,
    tests: Vec<Test>,
}

/// Documents of the caller and of the endpoint, and which keys a request may lack.
#[derive(Debug, Clone)]
struct Case {
    documents: Vec<(PolicyType, Vec<Statement>)>,
    may_be_absent: [bool; KEYS.len()],
}

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

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn text(&mut self, letters: &[u8], most: usize) -> String {
        let length = 1 + self.below(most);
        (0..length).map(|_| char::from(self.of(letters))).collect()
    }
}

fn case(seed: u64) -> Case {
    let mut seed = Seed(seed);
    let mut keys: Vec<usize> = (0..KEYS.len()).collect();
    let kept = 2 + seed.below(3);
    while keys.len() > kept {
        keys.remove(seed.below(keys.len()));
    }
    let mut may_be_absent = [true; KEYS.len()];
    for absent in &mut may_be_absent {
        *absent = seed.below(3) > 0;
    }
    let mut types = vec![PolicyType::Identity, PolicyType::Endpoint];
    if seed.below(2) == 0 {
        types.push(seed.of(&[PolicyType::Identity, PolicyType::Endpoint]));
    }
    let documents = types
        .into_iter()
        .map(|policy_type| {
            let count = 1 + seed.below(4);
            let statements = (0..count)
                .map(|at| statement(&mut seed, &keys, at == 0))
                .collect();
            (policy_type, statements)
        })
        .collect();
    Case {
        documents,
        may_be_absent,
    }
}

fn statement(seed: &mut Seed, keys: &[usize], first: bool) -> Statement {
    let allow = first && seed.below(8) > 0 || seed.below(3) == 0;
    let resources = (0..1 + seed.below(2)).map(|_| resource(seed)).collect();
    let mut tests: Vec<Test> = Vec::new();
    for _ in 0..seed.below(4) {
        let key = seed.of(keys);
        let test = test(seed, key);
        if !tests
            .iter()
            .any(|t| t.key == key && t.written() == test.written())
        {
            tests.push(test);
        }
    }
    Statement {
        allow,
        negated: seed.below(7) == 0,
        resources,
        tests,
    }
}

fn resource(seed: &mut Seed) -> String {
    let tail = seed.text(b"ab/*?:", 4);
    match seed.below(8) {
        0 => "*".into(),
        1 | 2 => format!("{PREFIX}*"),
        3 => format!("arn:aws:s3:::*{tail}"),
        4 => format!("arn:*:s3:::b*{tail}"),
        5 => "arn:aws:s3:::c/*".into(),
        _ => format!("{PREFIX}{tail}"),
    }
}

fn test(seed: &mut Seed, key: usize) -> Test {
    let kind = KEYS[key].1;
    let mut set = "";
    let text = [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
    ];
    let mut operator = match kind {
        Kind::Text => seed.of(&text),
        Kind::Many => {
            set = seed.of(&["ForAllValues:", "ForAnyValue:"]);
            seed.of(&text)
        }
        Kind::Arn => seed.of(&[
            "ArnLike",
            "ArnEquals",
            "ArnNotLike",
            "ArnNotEquals",
            "StringLike",
            "StringNotEquals",
        ]),
        Kind::Ip => seed.of(&["IpAddress", "NotIpAddress"]),
        Kind::Bool => "Bool",
        Kind::Bytes => "BinaryEquals",
        Kind::Number => seed.of(&[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ]),
        Kind::Date => seed.of(&[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ]),
    };
    let mut if_exists = seed.below(4) == 0;
    if seed.below(6) == 0 {
        (set, operator, if_exists) = ("", "Null", false);
    }
    let count = if operator == "Null" {
        1
    } else {
        1 + seed.below(2)
    };
    let values = (0..count)
        .map(|_| match (operator, kind) {
            ("Null", _) | (_, Kind::Bool) => seed.of(&["true", "false"]).to_string(),
            ("StringLike" | "StringNotLike", Kind::Arn) => {
                seed.of(&["arn:*", "*:key/a*", "*"]).to_string()
            }
            (_, Kind::Arn) => seed
                .of(&[
                    "*",
                    "arn:aws:kms:*:1:key/*",
                    "arn:aws:kms:e?:1:key/a",
                    "arn:aws:kms:*:*:*",
                    "arn:aws:s3:::a*b",
                    "arn:*:kms:eu:1:*:a",
                ])
                .to_string(),
            ("StringLike" | "StringNotLike", _) => match seed.below(5) {
                0 => "*".into(),
                _ => seed.text(b"abA*?", 4),
            },
            (_, Kind::Text | Kind::Many) => seed.text(b"abA", 2),
            (_, Kind::Ip) => seed
                .of(&[
                    "203.0.113.0/24",
                    "203.0.113.0/28",
                    "203.0.113.7",
                    "203.0.113.8/29",
                    "0.0.0.0/0",
                    "128.0.0.0/1",
                    "10.0.0.0/8",
                    "255.255.255.255/32",
                    "2001:db8::/32",
                    "2001:db8::/127",
                    "2001:db8::1",
                    "::/0",
                    "8000::/1",
                ])
                .to_string(),
            (_, Kind::Bytes) => seed.of(&["YQ==", "YWI=", "Yg=="]).to_string(),
            (_, Kind::Number) => seed
                .of(&["0", "1", "7", "7.5", "8", "-3", "30"])
                .to_string(),
            (_, Kind::Date) => seed
                .of(&[
                    "1700000000",
                    "1700000001",
                    "1700000000001",
                    "1700000000002",
                    "1800000000",
                    "88400",
                    "9998-12-31T00:00:00Z",
                    "9999-12-31T00:00:00Z",
                    "100000",
                    "0",
                ])
                .to_string(),
        })
        .collect();
    Test {
        key,
        set,
        operator,
        if_exists,
        values,
    }
}

// ---- our answer

fn written(statements: &[Statement]) -> Json {
    let list: Vec<Json> = statements
        .iter()
        .map(|s| {
            let mut block: BTreeMap<String, BTreeMap<&str, Json>> = BTreeMap::new();
            for test in &s.tests {
                block
                    .entry(test.written())
                    .or_default()
                    .insert(KEYS[test.key].0, json!(test.values));
            }
            let resource = if s.negated { "NotResource" } else { "Resource" };
            json!({
                "Effect": if s.allow { "Allow" } else { "Deny" },
                "Action": "s3:PutObject",
                resource: s.resources,
                "Condition": block,
            })
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": list})
}

fn policies(case: &Case, wanted: PolicyType) -> Vec<Arc<Policy>> {
    let place = Place::at(Span::new(FileId(0), 0, 0));
    case.documents
        .iter()
        .filter(|(policy_type, _)| *policy_type == wanted)
        .map(|(policy_type, statements)| {
            let mut statements = written(statements);
            if *policy_type == PolicyType::Endpoint {
                for statement in statements["Statement"].as_array_mut().unwrap() {
                    statement["Principal"] = json!("*");
                }
            }
            let text = Value::text(statements.to_string(), place.clone());
            Arc::new(parse(&text, *policy_type, "document"))
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ours {
    Found,
    None,
    /// No request was found, but the classes or the budget were too small for a proof.
    Open,
}

fn our_answer(case: &Case) -> (Ours, Vec<(String, ContextValue)>) {
    let identity = policies(case, PolicyType::Identity);
    let endpoint = policies(case, PolicyType::Endpoint);
    let all: Vec<Arc<Policy>> = identity.iter().chain(&endpoint).cloned().collect();
    let set = PolicySet {
        identity: Layer::of(identity),
        boundary: None,
        session: None,
        endpoint: Some((EndpointKind::Gateway, Layer::of(endpoint))),
        scp: Vec::new(),
        rcp: Vec::new(),
        resource: None,
        target: TargetKind::Bucket,
        relation: AccountRelation::Same,
    };
    let statements = || all.iter().flat_map(|p| &p.statements);
    let tests: Vec<&ConditionTest> = statements().flat_map(|s| &s.conditions).collect();
    let base = RequestContext::default();
    let patterns: Vec<(&Text, PolicyVersion)> = statements()
        .filter_map(|s| s.resources.as_ref())
        .flat_map(|r| &r.patterns)
        .map(|p| (&p.text, PolicyVersion::V2012))
        .collect();
    let keys = key_classes(&patterns, &PREFIX.into(), &base);
    let mut complete = keys.complete;
    let class = |k: &Text| Class {
        value: ContextValue::Present(vec![k.clone()]),
        cost: 0,
    };
    let mut variables = vec![Variable {
        name: "key".into(),
        classes: keys.keys.iter().map(class).collect(),
    }];
    for (at, (name, _)) in KEYS.iter().enumerate() {
        let asked = tests_on(&tests, name);
        if asked.is_empty() {
            continue;
        }
        let domain = Domain {
            may_be_absent: case.may_be_absent[at],
            values: domain_values(name),
        };
        let found = classes_of(&asked, &domain, &base);
        complete &= found.complete;
        variables.push(Variable {
            name: (*name).into(),
            classes: found.classes,
        });
    }
    let mut decide = |chosen: &[Option<usize>]| {
        let mut context = base.clone();
        for (variable, choice) in variables.iter().zip(chosen).skip(1) {
            let value = choice.map(|c| variable.classes[c].value.clone());
            context.set(&variable.name, value.unwrap_or(ContextValue::Unknown));
        }
        let mut resource = Text::literal(PREFIX);
        match chosen[0] {
            Some(c) => resource.push(&keys.keys[c]),
            None => resource.push(&Text::unknown(Unknown::because("the key"))),
        }
        let request = Request {
            principal: Principal::Role {
                arn: "arn:aws:iam::111122223333:role/app".into(),
                account: "111122223333".into(),
                session: None,
            },
            action: "s3:PutObject".into(),
            resource,
            resource_account: "111122223333".into(),
            context,
        };
        let allowed = evaluate(&request, &set, Reading::Favourable, &World::default()).allowed;
        match (allowed, chosen.iter().all(Option::is_some)) {
            (false, _) => Match::No,
            (true, true) => Match::Yes,
            (true, false) => Match::Unknown,
        }
    };
    match search(&variables, BUDGET, &mut decide) {
        SearchResult::Found { classes, .. }
        | SearchResult::Undecided {
            best: Some(classes),
        } => {
            let witness = variables
                .iter()
                .zip(classes)
                .map(|(v, c)| (v.name.to_string(), v.classes[c].value.clone()))
                .collect();
            (Ours::Found, witness)
        }
        SearchResult::None if complete => (Ours::None, Vec::new()),
        SearchResult::None | SearchResult::Undecided { best: None } => (Ours::Open, Vec::new()),
    }
}

/// Every value of a witness is a text of at least one letter.
fn is_sendable(witness: &[(String, ContextValue)]) -> bool {
    witness.iter().all(|(_, value)| match value {
        ContextValue::Absent => true,
        ContextValue::Present(texts) => {
            !texts.is_empty()
                && texts
                    .iter()
                    .all(|t| t.as_literal().is_some_and(|t| !t.is_empty()))
        }
        ContextValue::Unknown | ContextValue::PresentUnknown => false,
    })
}

// ---- the same question in SMT-LIB

fn joined(operator: &str, parts: &[String]) -> String {
    match (parts, operator) {
        // An empty `(or)` is no formula.
        ([], "and") => "true".into(),
        ([], "re.++") => "(str.to_re \"\")".into(),
        ([], _) => "false".into(),
        ([one], _) => one.clone(),
        _ => format!("({operator} {})", parts.join(" ")),
    }
}

fn negation(formula: &str) -> String {
    format!("(not {formula})")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Parts of a regular expression, with neighbouring letters as one text.
struct Expression {
    parts: Vec<String>,
    letters: String,
}

impl Expression {
    fn new() -> Expression {
        Expression {
            parts: Vec::new(),
            letters: String::new(),
        }
    }

    fn end_letters(&mut self) {
        if !self.letters.is_empty() {
            let letters = std::mem::take(&mut self.letters);
            self.parts.push(format!("(str.to_re {})", quoted(&letters)));
        }
    }

    /// A pattern; `any` is one letter of a wildcard.
    fn glob(&mut self, pattern: &str, any: &str) {
        for c in pattern.chars() {
            let wildcard = match c {
                '*' if any == ANY => "re.all".to_string(),
                '*' => format!("(re.* {any})"),
                '?' => any.to_string(),
                c => {
                    self.letters.push(c);
                    continue;
                }
            };
            self.end_letters();
            if wildcard != "re.all" || self.parts.last() != Some(&wildcard) {
                self.parts.push(wildcard);
            }
        }
    }

    fn finish(mut self) -> String {
        self.end_letters();
        joined("re.++", &self.parts)
    }
}

fn glob(pattern: &str) -> String {
    let mut out = Expression::new();
    out.glob(pattern, ANY);
    out.finish()
}

const ANY: &str = "re.allchar";
const NO_COLON: &str = "(re.diff re.allchar (str.to_re \":\"))";

/// An ARN pattern of six fields, the last of which may hold colons.
fn arn_glob(pattern: &str) -> String {
    if pattern == "*" {
        return "re.all".into();
    }
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    assert_eq!(fields.len(), 6, "{pattern}");
    let mut out = Expression::new();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.letters.push(':');
        }
        out.glob(field, if at < 5 { NO_COLON } else { ANY });
    }
    out.finish()
}

fn letters_of_both_cases(text: &str) -> String {
    let parts: Vec<String> = text
        .chars()
        .map(|c| {
            let (lower, upper) = (c.to_ascii_lowercase(), c.to_ascii_uppercase());
            format!("(re.union (str.to_re \"{lower}\") (str.to_re \"{upper}\"))")
        })
        .collect();
    joined("re.++", &parts)
}

/// Milliseconds of an epoch, by its size, or of one of the two dates at the end of time.
fn epoch(text: &str) -> i128 {
    match text {
        "9998-12-31T00:00:00Z" => return 253_370_678_400_000,
        "9999-12-31T00:00:00Z" => return 253_402_214_400_000,
        _ => {}
    }
    let number: i128 = text.parse().unwrap();
    if number.abs() >= 100_000_000_000 {
        number
    } else {
        number * 1000
    }
}

fn decimal(text: &str) -> String {
    let number: f64 = text.parse().unwrap();
    if number < 0.0 {
        format!("(- {:?})", -number)
    } else {
        format!("{number:?}")
    }
}

/// A formula that may hold and one that certainly holds: they differ where a comparison is not settled.
#[derive(Clone)]
struct Answer {
    may: String,
    must: String,
}

impl Answer {
    fn both(formula: String) -> Answer {
        Answer {
            may: formula.clone(),
            must: formula,
        }
    }
}

/// One listed value against the variable `v`.
fn compared(operator: &str, listed: &str, v: &str) -> String {
    let order = |sign: &str, listed: String| match sign {
        "!=" | "=" => format!("(= {v} {listed})"),
        sign => format!("({sign} {v} {listed})"),
    };
    let sign = match operator
        .trim_start_matches("Numeric")
        .trim_start_matches("Date")
    {
        "LessThan" => "<",
        "LessThanEquals" => "<=",
        "GreaterThan" => ">",
        "GreaterThanEquals" => ">=",
        _ => "=",
    };
    match operator {
        "StringEquals" | "StringNotEquals" => format!("(= {v} {})", quoted(listed)),
        "StringLike" | "StringNotLike" => format!("(str.in_re {v} {})", glob(listed)),
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
            format!("(str.in_re {v} {})", letters_of_both_cases(listed))
        }
        "ArnLike" | "ArnEquals" | "ArnNotLike" | "ArnNotEquals" => {
            format!("(str.in_re {v} {})", arn_glob(listed))
        }
        "Bool" if listed == "true" => v.to_string(),
        "Bool" => negation(v),
        "BinaryEquals" => {
            let bytes = match listed {
                "YQ==" => "a",
                "YWI=" => "ab",
                _ => "b",
            };
            format!("(= {v} {})", quoted(bytes))
        }
        "IpAddress" | "NotIpAddress" if listed.contains(':') => {
            let (address, bits) = listed.split_once('/').unwrap_or((listed, "128"));
            let address = u128::from(address.parse::<std::net::Ipv6Addr>().unwrap());
            let mask = u128::MAX
                .checked_shl(128 - bits.parse::<u32>().unwrap())
                .unwrap_or(0);
            let network = address & mask;
            format!("(and {v}-six (= (bvand {v}-long #x{mask:032x}) #x{network:032x}))")
        }
        "IpAddress" | "NotIpAddress" => {
            let (address, bits) = listed.split_once('/').unwrap_or((listed, "32"));
            let address = u32::from(address.parse::<std::net::Ipv4Addr>().unwrap());
            let mask = u32::MAX
                .checked_shl(32 - bits.parse::<u32>().unwrap())
                .unwrap_or(0);
            let network = address & mask;
            format!("(and (not {v}-six) (= (bvand {v} #x{mask:08x}) #x{network:08x}))")
        }
        _ if operator.starts_with("Date") => {
            let millis = epoch(listed);
            order(sign, millis.to_string())
        }
        _ => order(sign, decimal(listed)),
    }
}

/// The test against one value of the request.
fn passes(test: &Test, v: &str) -> Answer {
    let listed: Vec<String> = test
        .values
        .iter()
        .map(|listed| compared(test.operator, listed, v))
        .collect();
    let any = joined("or", &listed);
    let mut answer = Answer::both(any.clone());
    if test.operator.starts_with("Arn") {
        // What no ARN operator can read as an ARN is not settled, except by `*`.
        let is_arn = format!("(str.in_re {v} {})", arn_glob("*:*:*:*:*:*"));
        answer.may = format!("(or {any} (not {is_arn}))");
    }
    if test.operator.contains("Not") {
        answer = Answer {
            may: negation(&answer.must),
            must: negation(&answer.may),
        };
    }
    answer
}

/// Names of the values of one key: as many as there are tests on it, so that each has its own.
fn values_of(case: &Case, key: usize) -> Vec<String> {
    let tests = case
        .documents
        .iter()
        .flat_map(|(_, statements)| statements)
        .flat_map(|s| &s.tests)
        .filter(|t| t.key == key)
        .count();
    match KEYS[key].1 {
        Kind::Many => (0..tests).map(|n| format!("v{key}-{n}")).collect(),
        _ => (0..tests.min(1)).map(|_| format!("v{key}")).collect(),
    }
}

fn test_formula(test: &Test, case: &Case) -> Answer {
    let present = format!("p{}", test.key);
    if test.operator == "Null" {
        let absent = test.values[0] == "true";
        return Answer::both(if absent { negation(&present) } else { present });
    }
    let each: Vec<Answer> = values_of(case, test.key)
        .iter()
        .map(|v| passes(test, v))
        .collect();
    let negated = test.operator.contains("Not");
    // What an absent key says: may and must.
    let (operator, absent) = match test.set {
        "ForAllValues:" => ("and", (true, true)),
        "ForAnyValue:" => ("or", (test.if_exists, false)),
        _ => (
            "and",
            (test.if_exists || negated, test.if_exists || negated),
        ),
    };
    let pick = |of: fn(&Answer) -> &String, absent: bool| {
        let parts: Vec<String> = each.iter().map(|a| of(a).clone()).collect();
        format!("(ite {present} {} {absent})", joined(operator, &parts))
    };
    Answer {
        may: pick(|a| &a.may, absent.0),
        must: pick(|a| &a.must, absent.1),
    }
}

fn statement_formula(statement: &Statement, case: &Case) -> String {
    let patterns: Vec<String> = statement
        .resources
        .iter()
        .map(|p| match p.strip_prefix(PREFIX) {
            Some(tail) => format!("(str.in_re key {})", glob(tail)),
            None => format!("(str.in_re resource {})", arn_glob(p)),
        })
        .collect();
    let resource = joined("or", &patterns);
    let mut parts = vec![if statement.negated {
        negation(&resource)
    } else {
        resource
    }];
    // In favour of the request: an Allow where it may apply, a Deny where it must.
    parts.extend(statement.tests.iter().map(|t| {
        let answer = test_formula(t, case);
        if statement.allow {
            answer.may
        } else {
            answer.must
        }
    }));
    joined("and", &parts)
}

fn question(case: &Case) -> String {
    let mut out = String::new();
    for (key, (_, kind)) in KEYS.iter().enumerate() {
        let values = values_of(case, key);
        if values.is_empty() {
            continue;
        }
        let _ = writeln!(out, "(declare-const p{key} Bool)");
        if !case.may_be_absent[key] {
            let _ = writeln!(out, "(assert p{key})");
        }
        for v in values {
            let sort = match kind {
                Kind::Text | Kind::Arn | Kind::Many | Kind::Bytes => "String",
                Kind::Ip => "(_ BitVec 32)",
                Kind::Bool => "Bool",
                Kind::Number => "Real",
                Kind::Date => "Int",
            };
            let _ = writeln!(out, "(declare-const {v} {sort})");
            match kind {
                Kind::Ip => {
                    let _ = writeln!(out, "(declare-const {v}-six Bool)");
                    let _ = writeln!(out, "(declare-const {v}-long (_ BitVec 128))");
                }
                Kind::Text | Kind::Arn | Kind::Many | Kind::Bytes => {
                    let _ = writeln!(out, "(assert (>= (str.len {v}) 1))");
                }
                Kind::Bool | Kind::Number | Kind::Date => {}
            }
        }
    }
    let _ = writeln!(out, "(declare-const key String)");
    let _ = writeln!(out, "(assert (>= (str.len key) 1))");
    let _ = writeln!(
        out,
        "(define-fun resource () String (str.++ \"{PREFIX}\" key))"
    );
    for wanted in [PolicyType::Identity, PolicyType::Endpoint] {
        let of = |allow: bool| -> Vec<String> {
            case.documents
                .iter()
                .filter(|(policy_type, _)| *policy_type == wanted)
                .flat_map(|(_, statements)| statements)
                .filter(|s| s.allow == allow)
                .map(|s| statement_formula(s, case))
                .collect()
        };
        let _ = writeln!(out, "(assert {})", joined("or", &of(true)));
        let _ = writeln!(out, "(assert (not {}))", joined("or", &of(false)));
    }
    out
}

struct Solver {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    options: String,
}

impl Solver {
    fn start(program: &str) -> Solver {
        let z3 = std::path::Path::new(program)
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("z3"));
        let (arguments, options) = match z3 {
            true => (
                vec!["-in", "-smt2"],
                format!("(set-option :timeout {TIME_LIMIT})"),
            ),
            false => (
                vec!["--lang", "smt2", "--incremental"],
                format!("(set-option :tlimit-per {TIME_LIMIT})\n(set-logic ALL)"),
            ),
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("IACLINT_SMT: {program}: {error}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Solver {
            child,
            input,
            output,
            options,
        }
    }

    /// `sat`, `unsat` or `unknown`.
    fn ask(&mut self, question: &str) -> String {
        let text = format!("(reset)\n{}\n{question}(check-sat)\n", self.options);
        let sent = self
            .input
            .write_all(text.as_bytes())
            .and_then(|()| self.input.flush());
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        // The reason of an unknown may follow.
        let answer = line.split_whitespace().next().unwrap_or_default();
        assert!(
            sent.is_ok()
                && read.is_ok()
                && ["sat", "unsat", "unknown", "timeout"].contains(&answer),
            "the solver does not answer: {line:?}\n{text}"
        );
        answer.to_string()
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Do both answers contradict each other?
fn differs(case: &Case, solver: &mut Solver) -> bool {
    matches!(
        (our_answer(case).0, solver.ask(&question(case)).as_str()),
        (Ours::Found, "unsat") | (Ours::None, "sat")
    )
}

/// Every case with one part less.
fn smaller(case: &Case) -> Vec<Case> {
    let mut out = Vec::new();
    for d in 0..case.documents.len() {
        for s in 0..case.documents[d].1.len() {
            let mut less = case.clone();
            less.documents[d].1.remove(s);
            out.push(less);
            let statement = &case.documents[d].1[s];
            for r in 0..statement.resources.len() {
                let mut less = case.clone();
                let resources = &mut less.documents[d].1[s].resources;
                if resources.len() > 1 {
                    resources.remove(r);
                    out.push(less);
                }
            }
            for t in 0..statement.tests.len() {
                let mut less = case.clone();
                less.documents[d].1[s].tests.remove(t);
                out.push(less);
                for v in 0..statement.tests[t].values.len() {
                    let mut less = case.clone();
                    let values = &mut less.documents[d].1[s].tests[t].values;
                    if values.len() > 1 {
                        values.remove(v);
                        out.push(less);
                    }
                }
            }
        }
    }
    out
}

fn shown(case: &Case) -> String {
    let mut out = String::new();
    for (policy_type, statements) in &case.documents {
        let _ = writeln!(out, "{}: {}", policy_type.name(), written(statements));
    }
    let _ = writeln!(out, "ours: {:?}", our_answer(case));
    out
}

#[test]
fn a_solver_agrees_with_the_search() {
    let Some(program) = std::env::var_os("IACLINT_SMT") else {
        println!("0 sets of policies compared: IACLINT_SMT names no solver");
        return;
    };
    let mut solver = Solver::start(&program.to_string_lossy());
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut agree, mut open) = (0, 0);
    let mut differences: Vec<Case> = Vec::new();
    for seed in 0..CASES {
        let case = case(seed);
        let (ours, witness) = our_answer(&case);
        assert!(is_sendable(&witness), "{}", shown(&case));
        let answer = solver.ask(&question(&case));
        match (ours, answer.as_str()) {
            (Ours::Found, "sat") | (Ours::None, "unsat") => agree += 1,
            (Ours::Found, "unsat") | (Ours::None, "sat") => differences.push(case),
            (Ours::Open, _) => open += 1,
            _ => {}
        }
        *counts.entry((format!("{ours:?}"), answer)).or_default() += 1;
    }
    println!(
        "{CASES} sets of policies: {agree} agree, {} differ, {open} without a proof of ours",
        differences.len()
    );
    for ((ours, solver), count) in &counts {
        println!("  search {ours}, solver {solver}: {count}");
    }
    for case in differences.iter().take(5) {
        let mut case = case.clone();
        while let Some(less) = smaller(&case).into_iter().find(|c| differs(c, &mut solver)) {
            case = less;
        }
        println!("{}{}", shown(&case), question(&case));
    }
    assert!(differences.is_empty(), "the answers differ");
}

#[test]
fn what_takes_everything_has_a_witness_that_can_be_sent() {
    for (operator, values) in [
        ("StringLike", &["*"][..]),
        ("Null", &["false"]),
        ("ArnLike", &["*"]),
        ("StringLike", &["?*"]),
        ("StringNotLike", &["?"]),
        ("StringNotEquals", &["a"]),
    ] {
        let test = Test {
            key: 2,
            set: "",
            operator,
            if_exists: false,
            values: values.iter().map(|v| (*v).to_string()).collect(),
        };
        let allow = |tests: Vec<Test>| Statement {
            allow: true,
            negated: false,
            resources: vec!["*".into()],
            tests,
        };
        let case = Case {
            documents: vec![
                (PolicyType::Identity, vec![allow(vec![test])]),
                (PolicyType::Endpoint, vec![allow(Vec::new())]),
            ],
            may_be_absent: [false; KEYS.len()],
        };
        let (ours, witness) = our_answer(&case);
        assert_eq!(ours, Ours::Found, "{operator}");
        assert!(is_sendable(&witness), "{operator}: {witness:?}");
    }
}
