//! The command line from outside: exit codes, formats, what goes to which stream, and that runs agree.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::path::Path;
use std::process::{Command, Output};

use iaclint::rule::registry;
use serde_json::Value as Json;
use tempfile::TempDir;

const RULE: &str = "bucket-policy-denies-missing-encryption-header";

/// Estates from the page of a rule that both formats express: its example that is denied, or the mended one.
fn estate(title: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for example in registry::find(RULE).unwrap().examples(title) {
        std::fs::write(folder.path().join(example.path), example.text).unwrap();
    }
    folder
}

fn iaclint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_iaclint"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("IACLINT_CONFIG")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

fn code(folder: &Path, arguments: &[&str]) -> i32 {
    let output = iaclint(folder, arguments);
    let code = output.status.code().unwrap();
    if !arguments.contains(&"--quiet") && code < 2 {
        assert!(
            !output.stdout.is_empty(),
            "{arguments:?}: nothing on standard output"
        );
    }
    if code == 2 {
        assert!(
            !output.stderr.is_empty(),
            "{arguments:?}: nothing on standard error"
        );
    }
    code
}

#[test]
fn exit_codes_follow_findings() {
    let (denied, allowed) = (estate("Denied"), estate("Allowed"));
    for (folder, arguments, expected) in [
        (&allowed, &["check"][..], 0),
        (&allowed, &["check", "--fail-on", "note"], 0),
        (&denied, &["check"], 1),
        (&denied, &["check", "."], 1),
        (&denied, &["check", "main.tf"], 1),
        (&denied, &["check", "template.yaml"], 1),
        (&denied, &["check", "--quiet"], 1),
        (&denied, &["check", "--select", RULE], 1),
        (&denied, &["check", "--select", "bucket-policy"], 1),
        (&denied, &["check", "--ignore", RULE], 0),
        (&denied, &["check", "--fail-on", "never"], 0),
    ] {
        assert_eq!(code(folder.path(), arguments), expected, "{arguments:?}");
    }
    for format in ["human", "concise", "json", "sarif", "github", "markdown"] {
        let arguments = ["check", "--format", format];
        assert_eq!(code(denied.path(), &arguments), 1, "{format}");
    }
}

#[test]
fn wrong_use_gives_two() {
    let folder = estate("Allowed");
    std::fs::write(folder.path().join("notes.yaml"), "a: 1\n").unwrap();
    for arguments in [
        &["check", "no-such-folder"][..],
        &["check", ".", "no-such-folder"],
        &["check", "--no-such-option"],
        &["check", "--select", "no-such-rule"],
        &["check", "--ignore", "no-such-rule"],
        &["check", "--var", "no-value"],
        &["check", "--format", "no-such-format"],
        &["check", "notes.yaml"],
        &["explain", "no-such-rule"],
        &["no-such-command"],
        &[],
    ] {
        assert_eq!(code(folder.path(), arguments), 2, "{arguments:?}");
    }
}

#[test]
fn findings_are_written_beside_a_path_that_is_lost() {
    let folder = estate("Denied");
    let output = iaclint(
        folder.path(),
        &["check", ".", "lost.tf", "--format", "json"],
    );
    assert_eq!(output.status.code(), Some(2));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report["findings"].as_array().unwrap().is_empty());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("lost.tf cannot be read")
    );
}

#[test]
fn a_folder_without_input_is_clean_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["check"][..], &["check", "--format", "sarif"]] {
        let output = iaclint(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains("nothing to analyse"));
        assert!(
            !output.stdout.is_empty(),
            "an empty report is still a report"
        );
    }
}

#[test]
fn machines_read_the_report_alone() {
    let folder = estate("Denied");
    let json = iaclint(
        folder.path(),
        &["check", "--format", "json", "--statistics"],
    );
    let report: Json = serde_json::from_slice(&json.stdout).unwrap();
    for field in ["version", "findings", "decided", "not_understood", "read"] {
        assert!(!report[field].is_null(), "{field}");
    }
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], RULE);
    for field in [
        "level",
        "outcome",
        "message",
        "callers",
        "bucket",
        "fingerprint",
    ] {
        assert!(!finding[field].is_null(), "{field}");
    }
    let caller = finding["callers"][0].as_object().unwrap();
    assert!(
        ["address", "path", "refused", "passes"]
            .iter()
            .all(|f| caller.contains_key(*f))
    );
    assert!(
        String::from_utf8(json.stderr).unwrap().contains(RULE),
        "the counts go to standard error"
    );

    let target = folder.path().join("out.sarif");
    let sarif = iaclint(
        folder.path(),
        &["check", "--format", "sarif", "--output", "out.sarif"],
    );
    assert!(sarif.stdout.is_empty());
    let log: Json = serde_json::from_slice(&std::fs::read(target).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], RULE);
}

#[test]
fn colour_is_for_terminals_or_on_demand() {
    let folder = estate("Denied");
    let coloured = |arguments: &[&str]| iaclint(folder.path(), arguments).stdout.contains(&0x1b);
    assert!(!coloured(&["check"]));
    assert!(coloured(&["check", "--color", "always"]));
    assert!(!coloured(&["explain", RULE]));
    assert!(coloured(&["explain", RULE, "--color", "always"]));
}

#[test]
fn runs_agree_whatever_the_number_of_threads() {
    let folder = estate("Denied");
    let render = |format: &str, threads: &str| {
        Command::new(env!("CARGO_BIN_EXE_iaclint"))
            .args(["check", "--format", format])
            .current_dir(folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap()
            .stdout
    };
    for format in ["human", "concise", "json", "sarif", "github", "markdown"] {
        let first = render(format, "1");
        assert!((0..3).all(|_| render(format, "4") == first), "{format}");
    }
}

#[test]
fn rules_and_pages_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let rules = iaclint(folder.path(), &["rules", "--format", "json"]);
    let rows: Vec<Json> = serde_json::from_slice(&rules.stdout).unwrap();
    assert_eq!(rows.len(), registry::all().len());
    assert!(
        rows.iter()
            .all(|r| r["name"].is_string() && r["level"].is_string() && r["summary"].is_string())
    );
    let page = String::from_utf8(iaclint(folder.path(), &["explain", RULE]).stdout).unwrap();
    assert!(page.starts_with(RULE) && page.contains("How to fix"));
    let hint = iaclint(folder.path(), &["explain", &format!("{RULE}s")]);
    assert!(
        String::from_utf8(hint.stderr)
            .unwrap()
            .contains(&format!("`{RULE}` meant"))
    );
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(code(folder.path(), &["completions", shell]), 0);
    }
}

#[test]
fn a_comment_silences_with_a_reason() {
    for (comment, expected) in [
        (
            format!("# iaclint: ignore[{RULE}] the uploader sends the header"),
            0,
        ),
        (format!("# iaclint: ignore[{RULE}]"), 1),
        ("# iaclint: ignore[no-such-rule] reason".into(), 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let page = registry::find(RULE).unwrap();
        let example = page
            .examples("Denied")
            .into_iter()
            .find(|e| e.language == "hcl")
            .unwrap();
        let text = example.text.replace("# denied", &comment);
        std::fs::write(folder.path().join("main.tf"), text).unwrap();
        assert_eq!(code(folder.path(), &["check"]), expected, "{comment}");
        let report = iaclint(folder.path(), &["check", "--format", "concise"]).stdout;
        let named = String::from_utf8(report)
            .unwrap()
            .contains("unused-suppression");
        assert_eq!(named, expected == 1, "{comment}");
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_is_no_error() {
    let folder = estate("Denied");
    let line = format!(
        "'{}' explain {RULE} | head -c 1; echo \" ${{PIPESTATUS[0]}}\"",
        env!("CARGO_BIN_EXE_iaclint")
    );
    let output = Command::new("bash")
        .args(["-c", &line])
        .current_dir(folder.path())
        .output();
    let Ok(output) = output else { return };
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .ends_with(" 0")
    );
}

#[test]
fn a_configuration_sets_what_the_command_line_leaves_open() {
    let folder = estate("Denied");
    let write = |text: &str| std::fs::write(folder.path().join("iaclint.toml"), text).unwrap();
    write(&format!("ignore = [\"{RULE}\"]\n"));
    assert_eq!(code(folder.path(), &["check"]), 0);
    assert_eq!(code(folder.path(), &["check", "--no-config"]), 1);
    write("fail-on = \"never\"\n");
    assert_eq!(code(folder.path(), &["check"]), 0);
    assert_eq!(code(folder.path(), &["check", "--fail-on", "warning"]), 1);
    write("fail-on = \"sometimes\"\n");
    assert_eq!(code(folder.path(), &["check"]), 2);
    write("fail_on = \"never\"\n");
    assert_eq!(code(folder.path(), &["check"]), 2);
}

#[test]
fn a_baseline_leaves_known_findings_out() {
    let folder = estate("Denied");
    assert_eq!(
        code(folder.path(), &["check", "--write-baseline", "known.txt"]),
        1
    );
    assert_eq!(
        code(folder.path(), &["check", "--baseline", "known.txt"]),
        0
    );
    assert_eq!(code(folder.path(), &["check", "--baseline", "lost.txt"]), 2);
}

#[test]
fn mends_are_shown_before_they_are_written() {
    let folder = estate("Denied");
    let read = || std::fs::read_to_string(folder.path().join("main.tf")).unwrap();
    let before = read();
    let shown = iaclint(
        folder.path(),
        &["check", "main.tf", "--diff", "--unsafe-fixes"],
    );
    assert_eq!(read(), before, "--diff writes nothing");
    assert_eq!(
        shown.status.code(),
        Some(i32::from(!shown.stdout.is_empty()))
    );
    iaclint(
        folder.path(),
        &["check", "main.tf", "--fix", "--unsafe-fixes"],
    );
    assert_eq!(
        read() != before,
        !shown.stdout.is_empty(),
        "--fix writes what --diff shows"
    );
}

#[test]
fn findings_of_an_earlier_commit_are_not_new() {
    let folder = estate("Denied");
    let git = |arguments: &[&str]| {
        let names = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
        ];
        let command = Command::new("git")
            .args(names)
            .args(arguments)
            .current_dir(folder.path())
            .output();
        assert!(command.unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "nothing yet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "all of it"]);
    assert_eq!(code(folder.path(), &["check", "--since", "HEAD"]), 0);
    assert_eq!(
        code(folder.path(), &["check", "--since", "no-such-commit"]),
        2
    );
    assert_eq!(code(folder.path(), &["check", "--since", "HEAD~1"]), 1);
}

/// An estate of `tests/estates`, read as JSON.
fn json(estate: &str, arguments: &[&str]) -> Json {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/estates")
        .join(estate);
    let all = [&["check", "--no-config", "--format", "json"], arguments].concat();
    let output = iaclint(&folder, &all);
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// `rule bucket environments` of each finding, and of its callers.
fn in_environments(report: &Json) -> Vec<String> {
    let names = |value: &Json| {
        let names = value.as_array().unwrap().iter();
        names
            .map(|n| n.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("+")
    };
    let mut out: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            let callers = f["callers"].as_array().unwrap().iter();
            let callers = callers.map(|c| {
                format!(
                    "{}@{}",
                    c["address"].as_str().unwrap(),
                    names(&c["environments"])
                )
            });
            format!(
                "{} {} {} {}",
                f["rule"].as_str().unwrap(),
                f["bucket"].as_str().unwrap(),
                names(&f["environments"]),
                callers.collect::<Vec<_>>().join(",")
            )
        })
        .collect();
    out.sort();
    out
}

#[test]
fn a_finding_says_in_which_environment_it_holds() {
    let report = json("environments", &[]);
    assert_eq!(
        report["environments"],
        serde_json::json!(["dev", "prod", "stage"])
    );
    let header = RULE;
    assert_eq!(
        in_environments(&report),
        [
            // A layer of all, one file each, and a folder.
            format!("{header} acme-prod-logs prod+stage aws_iam_role.app@prod+stage"),
            // The two forms of parameter files, and the configuration of the serverless command line.
            format!("{header} acme-reports-prod prod Writer@prod"),
            format!("{header} acme-reports-sam-prod prod Writer@prod"),
            // A root without environments joins with every one.
            "bucket-policy-denies-upload acme-audit-prod prod aws_iam_role.app@prod".into(),
        ]
    );
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("in environment `prod`, all uploads"),
        "{message}"
    );
    let decided: Vec<String> = report["decided"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {} {}", d["bucket"], d["outcome"], d["environments"]))
        .collect();
    assert!(
        decided.contains(&r#""acme-dev-logs" "allowed" ["dev"]"#.to_string()),
        "{decided:?}"
    );
    let unused = report["unused"].to_string();
    assert!(unused.contains("app/envs/old.tfvars"), "{unused}");
}

#[test]
fn the_command_line_can_choose_the_environment() {
    let one = json("environments", &["--environment", "dev"]);
    assert!(in_environments(&one).is_empty());
    assert_eq!(one["environments"], serde_json::json!(["dev"]));
    // Values on the command line are one environment that needs no name.
    let file = [
        "app",
        "--var-file",
        "app/envs/prod.tfvars",
        "--var",
        "org=x",
    ];
    let stated = json("environments", &file);
    assert_eq!(
        in_environments(&stated),
        [format!("{RULE} x-prod-logs  aws_iam_role.app@")]
    );
    assert_eq!(stated["environments"], serde_json::json!([]));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/estates/environments");
    assert_eq!(code(&folder, &["check", "--environment", "nowhere"]), 2);
}

#[test]
fn the_configuration_declares_environments() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/estates/environments/app");
    write(
        "app/main.tf",
        &std::fs::read_to_string(app.join("main.tf")).unwrap(),
    );
    write("values/one.tfvars", "env = \"one\"\norg = \"o\"\n");
    write(
        "values/two.tfvars",
        "env = \"two\"\norg = \"o\"\nlocked = true\n",
    );
    write(
        "iaclint.toml",
        "[[environment]]\nname = \"first\"\nvar-files = [\"values/one.tfvars\"]\naccount = \"111122223333\"\n\n\
         [[environment]]\nname = \"second\"\nvar-files = [\"values/two.tfvars\"]\npaths = [\"app\"]\n",
    );
    let output = iaclint(folder.path(), &["check", "--format", "json"]);
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        in_environments(&report),
        [format!("{RULE} o-two-logs second aws_iam_role.app@second")]
    );
    write(
        "iaclint.toml",
        "[[environment]]\nvar-files = [\"values/one.tfvars\"]\n",
    );
    assert_eq!(code(folder.path(), &["check"]), 2);
}

#[test]
fn environments_beyond_the_limit_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("envs")).unwrap();
    std::fs::write(
        folder.path().join("main.tf"),
        "variable \"env\" {}\n\nresource \"aws_s3_bucket\" \"b\" {\n  bucket = \"b-${var.env}\"\n}\n",
    )
    .unwrap();
    for i in 0..20 {
        let path = folder.path().join(format!("envs/e{i:02}.tfvars"));
        std::fs::write(path, format!("env = \"{i}\"\n")).unwrap();
    }
    let output = iaclint(folder.path(), &["check", "--format", "json"]);
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["environments"].as_array().unwrap().len(), 16);
    let gaps = report["not_understood"].to_string();
    assert!(
        gaps.contains("the limit of 16: e16, e17, e18, e19"),
        "{gaps}"
    );
}

#[test]
fn roots_and_templates_meet_by_what_they_read_from_each_other() {
    let report = json("joined", &[]);
    // Remote state of a backend and of a file, stored parameters in both formats.
    assert_eq!(
        in_environments(&report),
        [
            format!("{RULE} aws_s3_bucket.inbox  aws_iam_role.deliver@,ByParameter@,ByReference@"),
            // A role and an endpoint that another root looks up, by name and by its network.
            "bucket-policy-denies-network aws_s3_bucket.drop  aws_iam_role.deliver@".into(),
            "endpoint-policy-omits-put-object aws_s3_bucket.drop  aws_iam_role.deliver@".into(),
            "endpoint-policy-omits-put-object aws_s3_bucket.inbox  aws_iam_role.deliver@".into(),
            "key-policy-omits-caller aws_s3_bucket.reports  aws_iam_role.report@".into(),
        ]
    );
    assert_eq!(report["not_understood"], serde_json::json!([]));
    // The account that delivers load balancers' logs in the Region.
    let decided = report["decided"].to_string();
    assert!(
        decided.contains("arn:aws:iam::156460612806:root"),
        "{decided}"
    );
}

#[test]
fn roots_meet_within_their_environment() {
    let report = json("live", &[]);
    assert_eq!(
        in_environments(&report),
        ["bucket-policy-denies-upload aws_s3_bucket.drop prod aws_iam_role.app@prod"]
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/estates/live");
    let why = [
        "why",
        "--caller",
        "aws_iam_role.app",
        "--bucket",
        "aws_s3_bucket.drop",
    ];
    for (environment, expected) in [("dev", 0), ("prod", 1), ("stage", 2)] {
        let arguments = [&why[..], &["--environment", environment]].concat();
        assert_eq!(code(&folder, &arguments), expected, "{environment}");
    }
}
