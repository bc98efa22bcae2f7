//! Plans and states of the documented shape, beside their sources and alone.
//!
//! Beside them the findings are those of the sources, or more, at lines of the sources. Alone, each is one of the
//! sources too, and what a plan does not tell is listed.

use std::collections::BTreeSet;
use std::path::Path;

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;
use iaclint::report::{Report, json};
use iaclint::source::terraform::read;
use iaclint::source::{Inputs, Sources, show};

/// The named files of a folder of `tests/plans`.
fn files(folder: &str, names: &[&str]) -> MemoryFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/plans")
        .join(folder);
    let mut files = MemoryFiles::new();
    for name in names {
        files.insert(name, std::fs::read(root.join(name)).unwrap());
    }
    files
}

fn run(files: &MemoryFiles) -> Report {
    let request = Request {
        uri_prefix: String::new(),
        ..Request::default()
    };
    analysis::run(files, &request)
}

/// Rule and bucket of each finding, with the file that it points into.
fn found(report: &Report) -> BTreeSet<(String, String)> {
    let one = |f: &iaclint::rule::Finding| {
        let file = report.files.get(f.primary.place.span.file);
        (
            f.rule.to_string(),
            file.map_or("", |f| &*f.path).to_string(),
        )
    };
    report.findings.iter().map(one).collect()
}

fn rules(report: &Report) -> BTreeSet<String> {
    found(report).into_iter().map(|(rule, _)| rule).collect()
}

fn gaps(report: &Report) -> Vec<String> {
    let gaps = report.not_understood.iter();
    gaps.map(|g| format!("{}: {}", g.what, g.why)).collect()
}

const DENIED: &str = "bucket-policy-denies-missing-encryption-header";
const KEY: &str = "identity-policy-omits-generate-data-key";

#[test]
fn beside_their_sources_plans_find_the_same_at_its_lines() {
    let sources = found(&run(&files("encrypted", &["main.tf"])));
    let expected = [DENIED, KEY].map(|rule| (rule.to_string(), "main.tf".to_string()));
    assert_eq!(sources, BTreeSet::from(expected));
    for plan in ["first.json", "standing.json", "state.json"] {
        let report = run(&files("encrypted", &["main.tf", plan]));
        assert_eq!(found(&report), sources, "{plan}");
        assert!(report.not_understood.is_empty(), "{:?}", gaps(&report));
        // Two files were read: the plan took part.
        assert_eq!(report.read.files, 2, "{plan}");
        let bucket = &report.findings.first().unwrap().bucket;
        assert_eq!(&**bucket, "acme-prod-logs", "{plan}");
    }
}

#[test]
fn several_plans_of_one_root_are_its_environments() {
    let names = ["main.tf", "first.json", "standing.json"];
    let report = run(&files("encrypted", &names));
    let environments: Vec<&str> = report.environments.iter().map(|e| &**e).collect();
    assert_eq!(environments, ["first", "standing"]);
    assert_eq!(
        rules(&report),
        BTreeSet::from([DENIED, KEY].map(String::from))
    );
}

#[test]
fn alone_each_finding_is_one_of_the_sources() {
    let sources = rules(&run(&files("encrypted", &["main.tf"])));
    for plan in ["standing.json", "state.json"] {
        let report = run(&files("encrypted", &[plan]));
        let expected = [DENIED, KEY].map(|rule| (rule.to_string(), plan.to_string()));
        assert_eq!(found(&report), BTreeSet::from(expected), "{plan}");
        assert!(rules(&report).is_subset(&sources));
    }
}

#[test]
fn a_policy_known_after_apply_is_listed_and_keeps_its_bucket() {
    let report = run(&files("encrypted", &["first.json"]));
    assert!(report.findings.is_empty());
    let listed = gaps(&report).join("\n");
    assert!(
        listed.contains("refers to `aws_s3_bucket.b.arn`"),
        "{listed}"
    );
    assert!(listed.contains("Resource: known after apply"), "{listed}");
    // The bucket policy is the bucket's, and its statement is read as far as the plan tells it.
    let mut sources = Sources::default();
    let plan = files("encrypted", &["first.json"]);
    read(
        &plan,
        &["first.json".into()],
        &Inputs::default(),
        &mut sources,
    );
    let property = |address: &str, name: &str| {
        let resource = sources.resources.iter().find(|r| &*r.address == address);
        let value = resource.and_then(|r| r.properties.get(name)).unwrap();
        show::to_json(value).to_string()
    };
    let policy = property("aws_s3_bucket_policy.b", "policy");
    assert!(
        policy.contains("s3:x-amz-server-side-encryption"),
        "{policy}"
    );
    assert!(policy.contains("$unknown"), "{policy}");
    let bucket = property("aws_s3_bucket_policy.b", "bucket");
    assert_eq!(bucket, r#"{"$text":[{"$ref":"aws_s3_bucket.b.id"}]}"#);
    let document = property("aws_iam_role_policy.app", "policy");
    assert!(document.contains("aws_s3_bucket.b.arn"), "{document}");
    assert!(document.contains("$unknown"), "{document}");
}

#[test]
fn a_plan_tells_instances_data_and_modules_that_are_not_on_disk() {
    let own = ["main.tf", "bucket/main.tf"];
    let without = run(&files("calls", &own));
    assert!(without.findings.is_empty());
    assert!(
        gaps(&without)
            .iter()
            .any(|g| g.contains("module.uploader: not on disk"))
    );
    let report = run(&files("calls", &[own[0], own[1], "standing.json"]));
    let expected = [(DENIED.to_string(), own[1].to_string())];
    assert_eq!(found(&report), BTreeSet::from(expected));
    assert!(report.not_understood.is_empty(), "{:?}", gaps(&report));
    // Both instances of the call, by the keys that only the plan knows.
    assert_eq!(report.read.buckets, 2);
    // The statement of the call's module is granted by the one that stands in the plan only.
    let granted = &report
        .findings
        .first()
        .unwrap()
        .steps
        .first()
        .unwrap()
        .place;
    let file = report.files.get(granted.span.file).unwrap();
    assert_eq!(&*file.path, "standing.json");
    let alone = run(&files("calls", &["standing.json"]));
    assert_eq!(rules(&alone), rules(&report));
    assert_eq!(alone.read.buckets, 2);
    let first = run(&files("calls", &["first.json"]));
    assert!(first.findings.is_empty());
    assert_eq!((first.read.buckets, first.read.callers), (2, 1));
    assert!(
        gaps(&first)
            .iter()
            .any(|g| g.contains("refers to `var.bucket_arn`"))
    );
}

#[test]
fn sensitive_values_take_part_and_are_not_shown() {
    for names in [
        &["standing.json"][..],
        &["main.tf", "bucket/main.tf", "standing.json"],
    ] {
        let report = run(&files("calls", names));
        let finding = report.findings.first().unwrap();
        assert_eq!(&*finding.bucket, "(sensitive)");
        let printed = json::render(&report);
        let plan = report
            .files
            .iter()
            .find(|(_, f)| &*f.path == "standing.json")
            .unwrap()
            .1;
        for secret in ["7f3c", "s3cr3t"] {
            assert!(!printed.contains(secret), "{secret} in the report");
        }
        assert!(
            !plan.text.contains("s3cr3t"),
            "a secret in the text that excerpts show"
        );
        assert!(plan.text.contains(r#""value": "****""#));
    }
}

#[test]
fn what_is_no_plan_is_no_input_and_a_broken_one_is_told() {
    let mut files = MemoryFiles::new();
    files.insert("a.json", r#"{"format_version": "1.0", "values": [1]}"#);
    files.insert("b.json", r#"{"format_version": 1, "planned_values": {}}"#);
    files.insert("c.json", r#"{"planned_values": {}, "configuration": {}}"#);
    let report = run(&files);
    assert_eq!(report.read.files, 0);
    assert!(report.not_understood.is_empty());
    files.insert("d.json", r#"{"format_version": "1.0", "planned_values": {"#);
    assert!(
        gaps(&run(&files))
            .iter()
            .any(|g| g.starts_with("d.json: does not parse"))
    );
    files.insert(
        "d.json",
        r#"{"format_version": "1.2", "planned_values": {}, "errored": true}"#,
    );
    assert!(
        gaps(&run(&files))
            .iter()
            .any(|g| g.starts_with("d.json: the plan failed"))
    );
    files.insert(
        "d.json",
        r#"{"format_version": "9.0", "planned_values": {}}"#,
    );
    assert!(
        gaps(&run(&files))
            .iter()
            .any(|g| g.starts_with("format version 9.0"))
    );
    // Shapes that no Terraform writes are no values, and no crash.
    files.insert("d.json", r#"{"format_version": "1.0", "planned_values": {"root_module": {"resources": [{"type": 1}, 2, {"mode": "managed", "type": "aws_s3_bucket", "name": "b", "index": {}, "values": {"bucket": [null]}}], "child_modules": [{"address": "x[", "resources": {}}]}}, "resource_changes": {"change": 3}, "configuration": {"root_module": {"module_calls": [], "resources": [{"mode": "managed", "type": "aws_s3_bucket", "name": "b", "expressions": {"bucket": {"references": [1, "a b", "each.key"]}}}]}}}"#);
    assert_eq!(run(&files).findings.len(), 0);
}
