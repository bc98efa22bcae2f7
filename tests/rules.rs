//! Every page of `rules/` is a test: its denied example gives this rule's finding at the marked lines and
//! nothing else, its allowed example an upload that certainly passes, in Terraform and CloudFormation alike.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use iaclint::analysis::{self, Request, mend};
use iaclint::facts::{Estate, Policies};
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, Limits, MemoryFiles};
use iaclint::policy::{self, Policy, PolicyType, Statement};
use iaclint::report::{Report, place};
use iaclint::rule::page::{Example, Page};
use iaclint::rule::{Finding, Level, Outcome, registry};
use iaclint::source::json;
use iaclint::value::{FileId, Span};

/// Pages whose examples this version does not decide as written, each with its cause. The test fails when one of
/// them starts to pass.
const PENDING: &[(&str, &str)] = &[];

/// Names in the code that have no page yet. The test fails when one of them gets its page.
const WITHOUT_PAGE: &[&str] = &[];

#[test]
fn every_page_is_decided_as_written() {
    let mut wrong = Vec::new();
    for page in registry::all() {
        let faults = faults(page);
        match PENDING.iter().find(|(name, _)| *name == page.name) {
            None if !faults.is_empty() => {
                wrong.push(format!("{}:\n  {}", page.name, faults.join("\n  ")))
            }
            Some(_) if faults.is_empty() => {
                wrong.push(format!("{}: passes now; take it off the list", page.name))
            }
            _ => {}
        }
    }
    for (name, _) in PENDING {
        if registry::find(name).is_none() {
            wrong.push(format!("{name}: pending, but there is no such page"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} pages:\n{}",
        wrong.len(),
        registry::all().len(),
        wrong.join("\n")
    );
}

#[test]
fn every_name_in_the_code_has_a_page() {
    let pages: BTreeSet<&str> = registry::all().iter().map(|p| p.name).collect();
    let code = [
        include_str!("../src/rule/name.rs"),
        include_str!("../src/rule/document.rs"),
    ]
    .concat();
    let named: BTreeSet<&str> = code
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| is_rule_name(text))
        .collect();
    let waiting: BTreeSet<&str> = WITHOUT_PAGE.iter().copied().collect();
    let missing: BTreeSet<&str> = named.difference(&pages).copied().collect();
    assert_eq!(
        missing, waiting,
        "left: names of src/rule without a page; right: those that are known to have none"
    );
}

/// Lower-case words joined by hyphens, three or more.
fn is_rule_name(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    words.len() >= 3
        && words.iter().all(|w| {
            !w.is_empty()
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

fn faults(page: &Page) -> Vec<String> {
    let mut out = Vec::new();
    let mut reasons: BTreeMap<&str, BTreeSet<(&str, &str, &str)>> = BTreeMap::new();
    for (format, files) in estates(page, "Denied") {
        let report = run(&files);
        out.extend(
            denied(page, &files, &report)
                .into_iter()
                .map(|f| format!("denied, {format}: {f}")),
        );
        let found = loud(&report)
            .map(|f| (f.rule, f.outcome.name(), f.level.name()))
            .collect();
        reasons.insert(format, found);
    }
    if let [one, other] = &reasons.values().collect::<Vec<_>>()[..]
        && one != other
    {
        out.push(format!("the formats differ: {reasons:?}"));
    }
    for (format, files) in estates(page, "Allowed") {
        let report = run(&files);
        out.extend(
            allowed(&report)
                .into_iter()
                .map(|f| format!("allowed, {format}: {f}")),
        );
    }
    out
}

/// The files of a section by format.
fn estates(page: &Page, title: &str) -> BTreeMap<&'static str, Vec<Example>> {
    let mut out: BTreeMap<&str, Vec<Example>> = BTreeMap::new();
    let examples = page.examples(title);
    let mixed = examples.iter().any(|e| e.language == "hcl");
    for example in examples {
        let template =
            example.language == "yaml" || example.path.ends_with("template.json") || !mixed;
        out.entry(if template {
            "CloudFormation"
        } else {
            "Terraform"
        })
        .or_default()
        .push(example);
    }
    out
}

fn run(examples: &[Example]) -> Report {
    let mut files = MemoryFiles::new();
    for example in examples {
        files.insert(example.path, example.text);
    }
    analysis::run(&files, &Request::default())
}

/// Every estate that is refused: the pages' and those of `tests/cases`.
fn refused() -> Vec<(String, Tree)> {
    let mut out = Vec::new();
    for page in registry::all() {
        for (format, files) in estates(page, "Denied") {
            let files = files
                .iter()
                .map(|e| (e.path.to_string(), e.text.to_string()));
            out.push((format!("{}, {format}", page.name), files.collect()));
        }
    }
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    for case in std::fs::read_dir(&cases).unwrap() {
        let folder = case.unwrap().path().join("bad");
        if !folder.is_dir() {
            continue;
        }
        let disk = DiskFiles::new(&folder, Limits::default()).unwrap();
        let mut tree = Tree::new();
        for path in disk.list("").unwrap() {
            let text = String::from_utf8(disk.read(&path).unwrap().to_vec()).unwrap();
            tree.insert(path.to_string(), text);
        }
        out.push((
            folder.strip_prefix(&cases).unwrap().display().to_string(),
            tree,
        ));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// Files by path.
type Tree = BTreeMap<String, String>;

fn offered(tree: &Tree) -> Report {
    let mut files = MemoryFiles::new();
    for (path, text) in tree {
        files.insert(path, text.as_str());
    }
    let request = Request {
        mends: true,
        ..Request::default()
    };
    analysis::run(&files, &request)
}

/// The tree with the edits of one finding.
fn mended(tree: &Tree, report: &Report, finding: &Finding) -> Tree {
    let one = Report {
        findings: vec![finding.clone()],
        files: report.files.clone(),
        ..Report::default()
    };
    let mut out = tree.clone();
    for file in mend::mend(&one, true) {
        out.insert(file.path, file.after);
    }
    out
}

fn comments(text: &str) -> Vec<&str> {
    let comment = |line: &'_ str| {
        line.find(" #")
            .or_else(|| line.starts_with('#').then_some(0))
    };
    text.lines()
        .filter_map(|line| comment(line).and_then(|at| line.get(at..)))
        .map(str::trim)
        .collect()
}

/// The finding is there no more: the same rule for the same upload is met less often.
fn count(report: &Report, like: &Finding) -> usize {
    let same = |f: &&Finding| {
        f.rule == like.rule && f.bucket == like.bucket && f.primary.label == like.primary.label
    };
    report.findings.iter().filter(same).count()
}

#[test]
fn every_offered_edit_mends() {
    let (mut edits, mut unsafe_ones, mut wrong) = (0, 0, Vec::new());
    for (title, tree) in refused() {
        let report = offered(&tree);
        for finding in &report.findings {
            let Some(fix) = finding.fix.as_ref().filter(|f| !f.edits.is_empty()) else {
                continue;
            };
            edits += 1;
            unsafe_ones += usize::from(!fix.safe);
            if fix.safe != fix.gains.is_empty() {
                wrong.push(format!("{title}: {}: gains {:?}", finding.rule, fix.gains));
            }
            let after = mended(&tree, &report, finding);
            let again = offered(&after);
            if count(&again, finding) >= count(&report, finding) {
                wrong.push(format!("{title}: {} is still there", finding.rule));
            }
            for (path, text) in &after {
                if comments(text) != comments(&tree[path]) {
                    wrong.push(format!(
                        "{title}: {}: comments of {path} changed",
                        finding.rule
                    ));
                }
            }
            if again.not_understood.len() > report.not_understood.len() {
                wrong.push(format!("{title}: {}: less is understood", finding.rule));
            }
            // The same lines where they end in another way.
            let crlf: Tree = tree
                .iter()
                .map(|(path, text)| (path.clone(), text.replace('\n', "\r\n")))
                .collect();
            let other = offered(&crlf);
            let twin = other
                .findings
                .iter()
                .find(|f| f.fingerprint == finding.fingerprint && f.outcome == finding.outcome);
            let twin = twin.map(|f| mended(&crlf, &other, f));
            let expected: Tree = after
                .iter()
                .map(|(path, text)| (path.clone(), text.replace('\n', "\r\n")))
                .collect();
            if twin.as_ref() != Some(&expected) {
                wrong.push(format!("{title}: {}: other line ends differ", finding.rule));
            }
        }
    }
    println!("{edits} edits, {unsafe_ones} of them not safe");
    assert!(edits > 100, "{edits} edits");
    assert!(
        wrong.is_empty(),
        "{} of {edits}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Writes every refused estate and what each of its edits makes of it below the folder that `IACLINT_MENDED` names,
/// for tools that are not on every machine (`terraform fmt -check`, `cfn-lint`).
#[test]
#[ignore = "writes files for other tools"]
fn write_the_mended() {
    let Some(folder) = std::env::var_os("IACLINT_MENDED") else {
        return;
    };
    let put = |name: &str, tree: &Tree| {
        for (path, text) in tree {
            let path = std::path::Path::new(&folder).join(name).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    };
    for (title, tree) in refused() {
        let report = offered(&tree);
        let name = title.replace(['/', ',', ' '], "-");
        put(&format!("{name}/before"), &tree);
        for (i, finding) in report.findings.iter().enumerate() {
            let fix = finding.fix.as_ref().filter(|f| !f.edits.is_empty());
            if fix.is_some() {
                put(
                    &format!("{name}/after-{i}"),
                    &mended(&tree, &report, finding),
                );
            }
        }
    }
}

fn loud(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|f| f.level > Level::Note)
}

fn denied(page: &Page, files: &[Example], report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    let marks: BTreeMap<(&str, u32), &str> = files
        .iter()
        .flat_map(|e| {
            e.marks
                .iter()
                .map(|(line, rule)| ((e.path, *line), rule.unwrap_or(page.name)))
        })
        .collect();
    let touched = |finding: &Finding| -> Vec<(&str, u32)> {
        let Some(at) = place::position(report, finding.primary.place.span) else {
            return Vec::new();
        };
        marks
            .iter()
            .filter(|((path, line), rule)| {
                *path == at.path
                    && at.line <= *line
                    && *line <= at.end_line
                    && **rule == finding.rule
            })
            .map(|(mark, _)| *mark)
            .collect()
    };
    let mut met = BTreeSet::new();
    for finding in &report.findings {
        let here = touched(finding);
        if here.is_empty() && finding.level > Level::Note {
            let at = place::position(report, finding.primary.place.span);
            let at = at.map_or("nowhere".into(), |p| {
                format!("{}:{}-{}", p.path, p.line, p.end_line)
            });
            out.push(format!("{} at {at}, which no mark expects", finding.rule));
        }
        if finding.level > page.level && finding.rule == page.name {
            out.push(format!(
                "level {} is above the page's",
                finding.level.name()
            ));
        }
        if let Some(fault) = message_fault(&finding.message) {
            out.push(format!("message {fault}: {}", finding.message));
        }
        met.extend(here);
    }
    for ((path, line), rule) in &marks {
        if !met.contains(&(*path, *line)) {
            out.push(format!("no {rule} at {path}:{line}"));
        }
    }
    out
}

fn allowed(report: &Report) -> Vec<String> {
    let mut out: Vec<String> = loud(report)
        .map(|f| format!("{} is reported", f.rule))
        .collect();
    if !report.decided.iter().any(|d| d.outcome == Outcome::Allowed) {
        let shown: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
        out.push(format!(
            "no upload is decided as allowed; decided: {shown:?}"
        ));
    }
    out.extend(
        report
            .not_understood
            .iter()
            .map(|g| format!("not understood: {} ({})", g.what, g.why)),
    );
    out
}

/// What is wrong with the form of a message.
fn message_fault(message: &str) -> Option<&'static str> {
    if message.starts_with(char::is_uppercase) {
        return Some("starts with a capital");
    }
    if message.ends_with(['.', '!']) {
        return Some("ends with a full stop");
    }
    if message.contains('\n') {
        return Some("has several lines");
    }
    None
}

/// Statements of a policy type that have nothing to do with an upload.
fn unrelated(kind: PolicyType) -> Option<[&'static str; 2]> {
    Some(match kind {
        PolicyType::Identity | PolicyType::Boundary | PolicyType::Session => [
            r#"{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}"#,
            r#"{"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}"#,
        ],
        PolicyType::Scp => [
            r#"{"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}"#,
            r#"{"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*"}"#,
        ],
        PolicyType::Rcp => [
            r#"{"Effect": "Deny", "Principal": "*", "Action": "sqs:DeleteQueue", "Resource": "*"}"#,
            r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}"#,
        ],
        PolicyType::Bucket | PolicyType::AccessPoint => [
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::unrelated/*"}"#,
            r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}"#,
        ],
        PolicyType::Key => [
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/auditor"}, "Action": "kms:DescribeKey", "Resource": "*"}"#,
            r#"{"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}"#,
        ],
        PolicyType::Endpoint => [
            r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::unrelated/*"}"#,
            r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "*"}"#,
        ],
        PolicyType::Trust => return None,
    })
}

/// The statement of a JSON text.
fn statement(text: &str, kind: PolicyType) -> Statement {
    let document = format!("{{\"Version\": \"2012-10-17\", \"Statement\": {text}}}");
    let value = json::parse_file(FileId(u32::MAX), &document).unwrap();
    policy::parse::parse(&value, kind, "added")
        .statements
        .remove(0)
}

/// Changes every policy of an estate.
fn change(estate: &mut Estate, with: &dyn Fn(&mut Policy)) {
    let apply = |policies: &mut Policies| {
        for attached in &mut policies.attached {
            with(Arc::make_mut(&mut attached.policy));
        }
    };
    for caller in &mut estate.callers {
        apply(&mut caller.identity);
        caller.boundary.iter_mut().for_each(apply);
    }
    estate
        .buckets
        .iter_mut()
        .flat_map(|b| &mut b.policy)
        .for_each(apply);
    estate
        .keys
        .iter_mut()
        .flat_map(|k| &mut k.policy)
        .for_each(apply);
    estate
        .endpoints
        .iter_mut()
        .flat_map(|e| &mut e.policy)
        .for_each(apply);
    estate
        .access_points
        .iter_mut()
        .flat_map(|a| &mut a.policy)
        .for_each(apply);
    for organization in &mut estate.organization {
        with(Arc::make_mut(&mut organization.policy));
    }
}

/// Rule, outcome, level, place and bucket of every finding above a note.
type Told = BTreeSet<(&'static str, &'static str, &'static str, Span, String)>;

fn told(tree: &Tree, change_it: &dyn Fn(&mut Estate)) -> Told {
    let mut files = MemoryFiles::new();
    for (path, text) in tree {
        files.insert(path, text.as_str());
    }
    let (sources, mut estate) = analysis::load(&files, &Request::default());
    change_it(&mut estate);
    let mut gaps = Vec::new();
    let pairs = analysis::floors::pairs(&estate, &sources, &mut gaps);
    let (findings, _) = analysis::floors::findings(&estate, &sources, pairs, &|_| true, &mut gaps);
    findings
        .iter()
        .map(|found| &found.what)
        .filter(|f| f.level > Level::Note)
        .map(|f| {
            let place = f.primary.place.span;
            (
                f.rule,
                f.outcome.name(),
                f.level.name(),
                place,
                f.bucket.to_string(),
            )
        })
        .collect()
}

#[test]
fn unrelated_statements_change_nothing() {
    let mut wrong = Vec::new();
    for (title, tree) in refused() {
        let alone = told(&tree, &|_| {});
        let among = told(&tree, &|estate| {
            change(estate, &|policy| {
                let Some([before, after]) = unrelated(policy.policy_type) else {
                    return;
                };
                policy
                    .statements
                    .insert(0, statement(before, policy.policy_type));
                policy.statements.push(statement(after, policy.policy_type));
            });
        });
        if alone != among {
            wrong.push(format!("{title}:\n  alone {alone:?}\n  among {among:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// An Allow of everything in every policy that has one: it makes up for what an Allow lacks, and never lifts a Deny
/// or a setting.
#[test]
fn an_allow_mends_what_is_omitted_and_lifts_no_deny() {
    let mut wrong = Vec::new();
    for page in registry::all() {
        for (format, files) in estates(page, "Denied") {
            let tree: Tree = files
                .iter()
                .map(|e| (e.path.to_string(), e.text.to_string()))
                .collect();
            let rules = |told: &Told| told.iter().map(|t| t.0).collect::<BTreeSet<_>>();
            let before = rules(&told(&tree, &|_| {}));
            if !before.contains(page.name) {
                continue;
            }
            let after = rules(&told(&tree, &|estate| {
                change(estate, &|policy| {
                    let kind = policy.policy_type;
                    let all = match kind {
                        PolicyType::Scp | PolicyType::Rcp | PolicyType::Trust => return,
                        PolicyType::Identity | PolicyType::Boundary | PolicyType::Session => {
                            r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#
                        }
                        PolicyType::Bucket
                        | PolicyType::AccessPoint
                        | PolicyType::Key
                        | PolicyType::Endpoint => {
                            r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}"#
                        }
                    };
                    policy.statements.push(statement(all, kind));
                });
            }));
            let omitted = ["-omits-", "-names-", "-allows-", "-condition-excludes-"]
                .iter()
                .any(|word| page.name.contains(word));
            if after.contains(page.name) == omitted {
                wrong.push(format!("{}, {format}: {after:?}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where the engine did not know a reason, its page would fail: no other rule stands at the marks.
#[test]
fn without_its_reason_every_page_fails() {
    for page in registry::all() {
        for (format, files) in estates(page, "Denied") {
            let mut report = run(&files);
            report.findings.retain(|f| f.rule != page.name);
            assert!(
                !denied(page, &files, &report).is_empty(),
                "{}, {format}: passes without its rule",
                page.name
            );
        }
    }
}
