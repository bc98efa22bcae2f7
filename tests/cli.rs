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

/// The Terraform example of the rule that is denied, with a comment in place of the mark.
fn commented(comment: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let examples = registry::find(RULE).unwrap().examples("Denied");
    let example = examples.into_iter().find(|e| e.language == "hcl").unwrap();
    let text = example.text.replace("# denied", comment);
    std::fs::write(folder.path().join("main.tf"), text).unwrap();
    folder
}

#[test]
fn a_comment_silences_until_its_day() {
    for (comment, options, expected, note) in [
        (
            format!("# iaclint: ignore[{RULE}] the uploader sends it"),
            &[][..],
            0,
            "",
        ),
        (format!("# iaclint: ignore[{RULE}]"), &[], 0, ""),
        (
            format!("# iaclint: ignore[{RULE}]"),
            &["--require-reason"],
            1,
            "gives no reason",
        ),
        (
            format!("# iaclint: ignore[{RULE}] why"),
            &["--require-reason"],
            0,
            "",
        ),
        (
            format!("# iaclint: ignore[{RULE}] until 2026-11-30 why"),
            &[],
            0,
            "",
        ),
        (
            format!("# iaclint: ignore[{RULE}] until 2026-11-24 why"),
            &[],
            1,
            "expired on 2026-11-24",
        ),
        (
            format!("# iaclint: ignore[{RULE}] until 2026-11-3 why"),
            &[],
            1,
            "is no day",
        ),
        (
            "# iaclint: ignore[no-such-rule] reason".into(),
            &[],
            1,
            "is no rule",
        ),
        ("# iaclint: ignore".into(), &[], 1, "names no rule"),
    ] {
        let folder = commented(&comment);
        let arguments = [&["check", "--format", "concise"][..], options].concat();
        // 2026-11-25.
        let output = Command::new(env!("CARGO_BIN_EXE_iaclint"))
            .args(&arguments)
            .current_dir(folder.path())
            .env("SOURCE_DATE_EPOCH", "1795564800")
            .output()
            .unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{comment}\n{report}");
        assert_eq!(
            report.contains("unused-suppression"),
            !note.is_empty(),
            "{comment}\n{report}"
        );
        assert!(report.contains(note), "{comment}\n{report}");
    }
}

#[test]
fn a_suppression_holds_for_all_that_is_made_from_its_block() {
    let root = r#"
module "a" {
  source   = "./m"
  for_each = toset(["x", "y"])
  name     = each.value
}
"#;
    let module = |comment: &str| {
        format!(
            r#"
variable "name" {{}}
resource "aws_s3_bucket" "b" {{ bucket = "example-${{var.name}}" }}
resource "aws_iam_user" "u" {{ name = "u-${{var.name}}" }}
resource "aws_iam_user_policy" "u" {{
  user = aws_iam_user.u.name
  {comment}
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "s3:PutObject", Resource = aws_s3_bucket.b.arn }}]
  }})
}}
"#
        )
    };
    let sam = |comment: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31
Resources:
  Files:
    Type: AWS::S3::Bucket
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Runtime: python3.12
      InlineCode: x
      Policies:
        {comment}
        - Version: \"2012-10-17\"
          Statement:
            - Effect: Allow
              Action: s3:PutObject
              Resource: !GetAtt Files.Arn
"
        )
    };
    let name = "identity-policy-names-bucket-not-objects";
    for (comment, expected) in [("# nothing", 1), ("", 0)] {
        let comment = match comment {
            "" => format!("# iaclint: ignore[{name}] known"),
            other => other.to_string(),
        };
        for files in [
            vec![
                ("main.tf", root.to_string()),
                ("m/main.tf", module(&comment)),
            ],
            vec![("template.yaml", sam(&comment))],
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("m")).unwrap();
            for (path, text) in files {
                std::fs::write(folder.path().join(path), text).unwrap();
            }
            let output = iaclint(folder.path(), &["check", "--format", "concise"]);
            let report = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(expected), "{comment}\n{report}");
            assert_eq!(report.contains(name), expected == 1, "{report}");
            assert!(!report.contains("unused-suppression"), "{report}");
        }
    }
}

#[test]
fn changed_files_are_anchors() {
    let folder = estate("Denied");
    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/main.tf"), "locals {}\n").unwrap();
    std::fs::write(folder.path().join("values.yaml"), "a: 1\n").unwrap();
    for (files, expected) in [
        (&["main.tf"][..], 1),
        (&["values.yaml"], 0),
        (&["other/main.tf", "values.yaml"], 0),
        (&["other/main.tf", "template.yaml"], 1),
    ] {
        let arguments = [&["check", "--changed"][..], files].concat();
        assert_eq!(code(folder.path(), &arguments), expected, "{files:?}");
    }
}

#[test]
fn one_run_writes_several_reports() {
    let folder = estate("Denied");
    let run = [
        "check",
        "--also",
        "sarif=a.sarif",
        "--also",
        "counts=counts",
    ];
    assert_eq!(code(folder.path(), &run), 1);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let log: Json = serde_json::from_str(&read("a.sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap().len();
    assert!(read("counts").starts_with(&format!("findings={results}\n")));
    for wrong in ["sarif", "sarif=", "nothing=x", "=x"] {
        assert_eq!(
            code(folder.path(), &["check", "--also", wrong]),
            2,
            "{wrong}"
        );
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = iaclint(folder.path(), &["manual", "."]);
    assert_eq!(output.status.code(), Some(0));
    for page in [
        "iaclint.1",
        "iaclint-check.1",
        "iaclint-why.1",
        "iaclint-explain.1",
    ] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
}

#[test]
fn a_configuration_silences_by_rule_path_and_address() {
    let folder = estate("Denied");
    let path = folder.path();
    let address = {
        let output = iaclint(path, &["check", "main.tf", "--format", "json"]);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        report["findings"][0]["primary"]["address"]
            .as_str()
            .unwrap()
            .to_string()
    };
    for (table, expected, note) in [
        (format!("rule = \"{RULE}\""), 0, ""),
        (
            "rule = \"bucket-policy-denies\"\nreason = \"known\"".into(),
            0,
            "",
        ),
        ("path = \"main.tf\"".into(), 0, ""),
        ("path = \"*.yaml\"".into(), 1, "is not reported"),
        (format!("address = \"{address}\""), 0, ""),
        (
            format!("address = \"{}*\"", address.split('.').next().unwrap()),
            0,
            "",
        ),
        ("address = \"module.*\"".into(), 1, "is not reported"),
        (
            format!("rule = \"{RULE}\"\nexpires = \"2020-01-01\""),
            1,
            "expired on 2020-01-01",
        ),
        ("rule = \"no-such-rule\"".into(), 1, "is no rule"),
        ("reason = \"everything\"".into(), 2, ""),
        ("role = \"x\"".into(), 2, ""),
    ] {
        std::fs::remove_file(path.join("template.yaml")).ok();
        std::fs::write(
            path.join("iaclint.toml"),
            format!("[[suppress]]\n{table}\n"),
        )
        .unwrap();
        let output = iaclint(path, &["check", "--format", "concise"]);
        let report = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{table}\n{report}");
        assert!(report.contains(note), "{table}\n{report}");
        if !note.is_empty() {
            assert!(report.contains("iaclint.toml:1:"), "{table}\n{report}");
        }
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

/// Commits what lies in a folder.
fn commit(folder: &Path, message: &str) {
    let git = |arguments: &[&str]| {
        let names = [
            "user.name=t",
            "user.email=t@example.com",
            "commit.gpgsign=false",
        ];
        let command = Command::new("git")
            .args(names.iter().flat_map(|name| ["-c", name]))
            .args(arguments)
            .current_dir(folder)
            .output();
        assert!(command.unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--allow-empty", "-m", message]);
}

#[test]
fn findings_of_an_earlier_commit_are_not_new() {
    let empty = tempfile::tempdir().unwrap();
    let folder = estate("Denied");
    std::fs::rename(folder.path().join("main.tf"), empty.path().join("main.tf")).unwrap();
    std::fs::rename(folder.path().join("template.yaml"), empty.path().join("t")).unwrap();
    commit(folder.path(), "nothing yet");
    std::fs::rename(empty.path().join("main.tf"), folder.path().join("main.tf")).unwrap();
    std::fs::rename(empty.path().join("t"), folder.path().join("template.yaml")).unwrap();
    commit(folder.path(), "all of it");
    let since = |reference: &str| code(folder.path(), &["check", "--since", reference]);
    assert_eq!(since("HEAD"), 0);
    assert_eq!(since("HEAD~1"), 1);
    for reference in [
        "no-such-commit",
        "--help",
        "-x",
        "HEAD; true",
        "$(id)",
        "",
        "HEAD:main.tf",
    ] {
        let given = format!("--since={reference}");
        assert_eq!(code(folder.path(), &["check", &given]), 2, "{reference}");
    }
}

#[test]
fn a_change_says_what_it_refuses_and_mends() {
    let (denied, allowed) = (estate("Denied"), estate("Allowed"));
    std::fs::remove_file(denied.path().join("template.yaml")).unwrap();
    let text = |folder: &TempDir| std::fs::read_to_string(folder.path().join("main.tf")).unwrap();
    let (bad, good) = (text(&denied), text(&allowed));
    let folder = denied.path();
    let write = |text: &str| std::fs::write(folder.join("main.tf"), text).unwrap();
    let changes = || {
        let output = iaclint(folder, &["check", "--since", "HEAD", "--format", "json"]);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report["changes"]["uploads"].clone())
    };
    write(&good);
    commit(folder, "good");
    write(&bad);
    let (code, refused) = changes();
    assert_eq!(code, Some(1));
    assert_eq!(refused[0]["before"], "allowed", "{refused}");
    assert_eq!(refused[0]["rule"], RULE);
    assert!(
        refused[0]["text"]
            .as_str()
            .unwrap()
            .contains("can no longer")
    );
    let causes = refused[0]["causes"].as_array().unwrap();
    assert!(!causes.is_empty(), "{refused}");
    for cause in causes {
        let of = if cause["added"] == true { &bad } else { &good };
        let line = of
            .lines()
            .nth(cause["line"].as_u64().unwrap() as usize - 1)
            .unwrap();
        assert_eq!(
            line.trim(),
            cause["text"],
            "a cause is a line of its revision"
        );
        let other = if cause["added"] == true { &good } else { &bad };
        assert!(!other.lines().any(|l| l == line), "{line} did not change");
    }
    // Blanks, order of files and names of statements refuse nothing.
    commit(folder, "bad");
    write(&format!(
        "\n\n{}",
        bad.replace("    ", "\t\t ")
            .replace("Sid       = \"", "Sid = \"Renamed")
    ));
    std::fs::rename(folder.join("main.tf"), folder.join("moved.tf")).unwrap();
    assert_eq!(changes(), (Some(0), serde_json::json!([])));
    std::fs::remove_file(folder.join("moved.tf")).unwrap();
    write(&good);
    let (code, mended) = changes();
    assert_eq!(code, Some(0));
    assert_eq!(mended[0]["after"], "allowed", "{mended}");
    assert!(mended[0]["text"].as_str().unwrap().contains("can write to"));
}

#[test]
fn a_change_cannot_silence_its_own_findings() {
    let folder = commented("");
    let path = folder.path();
    let bad = std::fs::read_to_string(path.join("main.tf")).unwrap();
    let check = |options: &[&str]| {
        let arguments = [&["check", "--format", "json"][..], options].concat();
        let output = iaclint(path, &arguments);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
        (output.status.code().unwrap(), report)
    };
    std::fs::write(path.join("other.tf"), "locals {}\n").unwrap();
    commit(path, "base");
    // A comment, a configuration, an ignore file, a baseline: each silences, none of them before it is merged.
    let mark = format!("# iaclint: ignore[{RULE}] I say so\n");
    let line = bad.lines().find(|l| l.contains("Statement")).unwrap();
    let silent = bad.replacen(line, &format!("{mark}{line}"), 1);
    let (_, before) = check(&["--write-baseline", "known.json"]);
    assert_eq!(before["findings"][0]["rule"], RULE);
    let known = std::fs::read_to_string(path.join("known.json")).unwrap();
    std::fs::remove_file(path.join("known.json")).unwrap();
    for (file, text, options) in [
        ("main.tf", silent.as_str(), &[][..]),
        ("iaclint.toml", "exclude = [\"main.tf\"]\n", &[]),
        ("iaclint.toml", "fail-on = \"never\"\n", &[]),
        ("iaclint.toml", "[[suppress]]\npath = \"main.tf\"\n", &[]),
        (
            "named.toml",
            "fail-on = \"never\"\n",
            &["--config", "named.toml"],
        ),
        (".gitignore", "main.tf\n", &[]),
        (".ignore", "*.tf\n", &[]),
        ("known.json", &known, &["--baseline", "known.json"]),
    ] {
        std::fs::write(path.join(file), text).unwrap();
        assert_eq!(check(options).0, 0, "{file} {options:?} silences");
        let based = [options, &["--config-from", "HEAD"]].concat();
        let (code, report) = check(&based);
        assert_eq!(code, 1, "{file} {options:?} counts only once it is merged");
        let new = report["suppressions"].as_array().unwrap();
        let new = new.iter().filter(|s| s["counts"] == false).count();
        assert_eq!(new, usize::from(file == "main.tf"), "{report}");
        // Once merged it counts.
        commit(path, "merged");
        assert_eq!(check(&based).0, 0, "{file} {options:?} is merged");
        // A suppression that moves to another line with its block stays.
        if file == "main.tf" {
            std::fs::write(path.join(file), format!("# new\n\n{text}")).unwrap();
            assert_eq!(check(&based).0, 0);
            // Its copy in another place is a new one.
            let copy = silent
                .replace("invoices", "copies")
                .replace("billing", "copying");
            std::fs::write(path.join("copy.tf"), copy).unwrap();
            assert_eq!(check(&based).0, 1);
            std::fs::remove_file(path.join("copy.tf")).unwrap();
        }
        std::fs::remove_file(path.join(file)).unwrap();
        std::fs::write(path.join("main.tf"), &bad).unwrap();
        commit(path, "base again");
    }
}

/// Policies and facts that the configuration names are its own words: a change of them counts once it is merged.
#[test]
fn a_change_cannot_rewrite_what_the_configuration_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).unwrap();
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"s3:PutObject","Resource":"*"}}]}}"#
        )
    };
    write(
        "main.tf",
        &format!(
            "resource \"aws_s3_bucket\" \"b\" {{\n  bucket = \"acme-b\"\n}}\nresource \"aws_iam_user\" \"u\" {{\n  name = \"u\"\n}}\nresource \"aws_iam_user_policy\" \"u\" {{\n  user   = aws_iam_user.u.name\n  policy = <<-P\n    {}\n  P\n}}\n",
            policy("Allow")
        ),
    );
    write(
        "iaclint.toml",
        "facts = [\"facts.json\"]\n[[policy]]\ntype = \"boundary\"\nfile = \"limit.json\"\nattached-to = [\"*\"]\n",
    );
    write("limit.json", &policy("Deny"));
    let facts = iaclint(path, &["facts", "--no-config", "main.tf"]);
    let facts = String::from_utf8(facts.stdout).unwrap();
    write("facts.json", &facts);
    commit(path, "base");
    let check = |options: &[&str]| {
        let arguments = [&["check", "--format", "concise"][..], options].concat();
        iaclint(path, &arguments).status.code()
    };
    let based = &["--config-from", "HEAD"][..];
    assert_eq!((check(&[]), check(based)), (Some(1), Some(1)));
    write("limit.json", &policy("Allow"));
    assert_eq!((check(&[]), check(based)), (Some(0), Some(1)));
    std::fs::remove_file(path.join("limit.json")).unwrap();
    assert_eq!(check(based), Some(1));
    write("limit.json", &policy("Allow"));
    write("facts.json", "no facts");
    assert_eq!((check(&[]), check(based)), (Some(2), Some(1)));
    // What no commit has is made by the run itself.
    std::fs::remove_file(path.join("facts.json")).unwrap();
    commit(path, "without facts");
    write("facts.json", "no facts");
    assert_eq!(check(based), Some(2));
    write("facts.json", &facts);
    assert_eq!(check(based), Some(0));
}

/// Sensitive values take part in every decision and stand in no output, whatever the format.
#[test]
fn sensitive_values_are_printed_by_no_format() {
    let terraform = r#"
variable "name" {
  default   = "hush-hush-one"
  sensitive = true
}
locals {
  other = sensitive("hush-hush-two")
}
resource "aws_s3_bucket" "b" {
  bucket = var.name
}
resource "aws_s3_bucket" "c" {
  bucket = upper(local.other)
}
resource "aws_iam_user" "u" {
  name = "u"
}
resource "aws_iam_user_policy" "u" {
  user = aws_iam_user.u.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "s3:PutObject", Resource = ["arn:aws:s3:::hush-hush-one", "arn:aws:s3:::HUSH-HUSH-TWO/*"] },
    { Effect = "Deny", Action = "s3:PutObject", Resource = "arn:aws:s3:::HUSH-HUSH-TWO/*" },
  ] })
}
"#;
    let template = r#"
Parameters:
  Name: {Type: String, NoEcho: true, Default: hush-hush-one}
Resources:
  B:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Ref Name}
  U:
    Type: AWS::IAM::User
    Properties:
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::hush-hush-one/*"}
              - {Effect: Deny, Action: "s3:PutObject", Resource: "arn:aws:s3:::hush-hush-one/*"}
"#;
    for (file, text, caller, bucket) in [
        ("main.tf", terraform, "aws_iam_user.u", "aws_s3_bucket.c"),
        ("t.yaml", template, "U", "B"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
        let said = |arguments: &[&str]| {
            let output = iaclint(folder.path(), arguments);
            let out = [output.stdout, output.stderr].concat();
            (
                output.status.code(),
                String::from_utf8_lossy(&out).into_owned(),
            )
        };
        let formats = ["human", "concise", "json", "sarif", "github", "markdown"];
        let mut all: Vec<Vec<&str>> = formats.map(|f| vec!["check", "--format", f]).to_vec();
        all.push(vec![
            "check",
            "--verbose",
            "--statistics",
            "--show",
            "depends,shapes",
        ]);
        all.push(vec!["why", "--caller", caller, "--bucket", bucket]);
        for arguments in all {
            let (code, said) = said(&arguments);
            assert_eq!(code, Some(1), "{file} {arguments:?}: {said}");
            let shown = said.to_lowercase().contains("hush-hush");
            assert!(!shown, "{file} {arguments:?}: {said}");
        }
        let (_, said) = said(&["check", "--diff", "--unsafe-fixes"]);
        assert!(!said.to_lowercase().contains("hush-hush"), "{file}: {said}");
    }
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

#[test]
fn a_refusal_that_reaches_another_environment_is_new() {
    let live = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/estates/live");
    let folder = tempfile::tempdir().unwrap();
    for root in ["app", "storage"] {
        std::fs::create_dir_all(folder.path().join(root).join("envs")).unwrap();
        for file in ["main.tf", "envs/dev.tfvars", "envs/prod.tfvars"] {
            let path = Path::new(root).join(file);
            std::fs::copy(live.join(&path), folder.path().join(&path)).unwrap();
        }
    }
    commit(folder.path(), "strict in prod");
    let since = |expected: i32| {
        let output = iaclint(
            folder.path(),
            &["check", "--since", "HEAD", "--format", "json"],
        );
        assert_eq!(output.status.code(), Some(expected));
        serde_json::from_slice::<Json>(&output.stdout).unwrap()
    };
    since(0);
    std::fs::write(
        folder.path().join("storage/envs/dev.tfvars"),
        "strict = true\n",
    )
    .unwrap();
    let report = since(1);
    assert_eq!(
        in_environments(&report),
        ["bucket-policy-denies-upload aws_s3_bucket.drop  aws_iam_role.app@"]
    );
    commit(folder.path(), "strict everywhere");
    std::fs::write(
        folder.path().join("storage/envs/dev.tfvars"),
        "strict = false\n",
    )
    .unwrap();
    since(0);
}

#[test]
fn facts_of_another_repository_are_joined() {
    let (platform, app) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |folder: &TempDir, text: &str| {
        std::fs::write(folder.path().join("main.tf"), text).unwrap();
    };
    write(
        &platform,
        r#"
resource "aws_s3_bucket" "logs" {
  bucket = "acme-logs"
}
resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Sid = "NeedKms", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "${aws_s3_bucket.logs.arn}/*",
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } } }]
  })
}
"#,
    );
    write(
        &app,
        r#"
resource "aws_iam_user" "app" {
  name = "app"
}
resource "aws_iam_user_policy" "app" {
  user   = aws_iam_user.app.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::acme-logs/*" }] })
}
"#,
    );
    let estate = app.path().join("estate.json");
    let estate = estate.to_str().unwrap();
    let arguments = ["facts", "--name", "acme/platform", "--output", estate];
    assert_eq!(iaclint(platform.path(), &arguments).status.code(), Some(0));
    assert_eq!(code(app.path(), &["check"]), 0);
    for format in ["human", "concise", "json", "sarif", "github", "markdown"] {
        let output = iaclint(
            app.path(),
            &["check", "--facts", estate, "--format", format],
        );
        assert_eq!(output.status.code(), Some(1), "{format}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("acme/platform"), "{format}: {text}");
    }
    let output = iaclint(
        app.path(),
        &["check", "--facts", estate, "--format", "sarif"],
    );
    let log: Json = serde_json::from_slice(&output.stdout).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "main.tf"
    );
    assert_eq!(
        result["properties"]["elsewhere"][0]["place"],
        "acme/platform: main.tf:9:18"
    );
    assert_eq!(result["relatedLocations"], Json::Null);
    let text = result["message"]["text"].as_str().unwrap();
    assert!(
        text.contains("\nIn acme/platform: main.tf:9:18: denies"),
        "{text}"
    );
    std::fs::write(estate, "{\"format\": \"iaclint-facts\", \"version\": 2}").unwrap();
    let output = iaclint(app.path(), &["check", "--facts", estate]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("facts of version 2"), "{text}");
}
