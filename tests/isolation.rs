//! A tree from a stranger: nothing outside the read boundary is read, nothing of the environment is told, and
//! names from it steer neither a terminal, nor a workflow, nor a page.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Stands in every file outside the boundary, and in the environment.
const SECRET: &str = "hidden-7f3a";

/// A folder with a secret beside the repository `inside`.
fn place() -> (TempDir, PathBuf) {
    let around = tempfile::tempdir().unwrap();
    let inside = around.path().join("inside");
    std::fs::create_dir_all(inside.join(".git")).unwrap();
    let outside = around.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let bucket = format!("resource \"aws_s3_bucket\" \"b\" {{\n  bucket = \"{SECRET}\"\n}}\n");
    let template = format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {{BucketName: {SECRET}}}\n"
    );
    for (name, text) in [
        ("secret.txt", SECRET),
        ("main.tf", &bucket),
        ("template.yaml", &template),
        ("prod.tfvars", &format!("name = \"{SECRET}\"\n")),
        (
            "modules.json",
            &format!("{{\"Modules\": [{{\"Key\": \"{SECRET}\"}}]}}"),
        ),
        ("iaclint.toml", &format!("var = [\"name={SECRET}\"]\n")),
    ] {
        std::fs::write(outside.join(name), text).unwrap();
    }
    std::fs::write(
        around.path().join("iaclint.toml"),
        format!("var = [\"name={SECRET}\"]\n"),
    )
    .unwrap();
    (around, inside)
}

/// All that the program says of a folder, by command, in every format.
fn said(inside: &Path) -> Vec<(String, String)> {
    let mut commands: Vec<Vec<&str>> = ["human", "concise", "json", "sarif", "github", "markdown"]
        .iter()
        .map(|format| vec!["check", ".", "-v", "--statistics", "--format", format])
        .collect();
    commands.push(vec!["eval", "terraform", "."]);
    if inside.join("template.yaml").exists() {
        commands.push(vec!["eval", "cloudformation", "template.yaml"]);
    }
    commands
        .into_iter()
        .map(|arguments| {
            let output = Command::new(env!("CARGO_BIN_EXE_iaclint"))
                .args(&arguments)
                .current_dir(inside)
                .env("IACLINT_TEST_SECRET", SECRET)
                .env("TF_VAR_name", SECRET)
                .env("AWS_PROFILE", SECRET)
                .env("HOME", format!("/home/{SECRET}"))
                .env("USER", SECRET)
                .output()
                .unwrap();
            let text = [output.stdout, output.stderr].concat();
            (arguments.join(" "), String::from_utf8(text).unwrap())
        })
        .collect()
}

#[track_caller]
fn keeps_the_secret(inside: &Path, attack: &str) {
    for (command, text) in said(inside) {
        assert!(!text.contains(SECRET), "{attack}: `{command}` says\n{text}");
        assert!(!text.contains("panicked"), "{attack}: `{command}`\n{text}");
    }
}

#[test]
fn no_expression_reads_outside() {
    for expression in [
        "file(\"../outside/secret.txt\")",
        "file(\"${path.module}/../outside/secret.txt\")",
        "file(\"sub/../../outside/secret.txt\")",
        "file(abspath(\"../outside/secret.txt\"))",
        "file(\"~/secret.txt\")",
        "filebase64(\"../outside/secret.txt\")",
        "templatefile(\"../outside/secret.txt\", {})",
        "templatefile(\"inner.tpl\", {})",
        "join(\",\", fileset(\"../outside\", \"*\"))",
        "fileexists(\"../outside/secret.txt\")",
        "filesha256(\"../outside/secret.txt\")",
        "file(\"linked.txt\")",
        "file(\"folder/secret.txt\")",
        "pathexpand(\"~\")",
        "path.cwd",
        "data.external.x.result",
        "data.local_file.x.content",
        "var.name",
    ] {
        let (_around, inside) = place();
        std::fs::write(
            inside.join("inner.tpl"),
            "${file(\"../outside/secret.txt\")}",
        )
        .unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../outside/secret.txt", inside.join("linked.txt")).unwrap();
            std::os::unix::fs::symlink("../outside", inside.join("folder")).unwrap();
        }
        let text = format!(
            "variable \"name\" {{}}\ndata \"external\" \"x\" {{\n  program = [\"cat\", \"../outside/secret.txt\"]\n}}\ndata \"local_file\" \"x\" {{\n  filename = \"../outside/secret.txt\"\n}}\nresource \"aws_s3_bucket\" \"b\" {{\n  bucket = {expression}\n}}\noutput \"o\" {{\n  value = {expression}\n}}\nlocals {{\n  l = {expression}\n}}\n"
        );
        std::fs::write(inside.join("main.tf"), text).unwrap();
        keeps_the_secret(&inside, expression);
    }
}

#[test]
fn no_module_stands_outside() {
    for source in ["../outside", "./sub/../../outside", "./linked"] {
        let (around, inside) = place();
        std::fs::create_dir(inside.join("sub")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../outside", inside.join("linked")).unwrap();
        let absolute = around.path().join("outside");
        for source in [source, absolute.to_str().unwrap()] {
            let text = format!("module \"m\" {{\n  source = \"{source}\"\n}}\n");
            std::fs::write(inside.join("main.tf"), text).unwrap();
            keeps_the_secret(&inside, source);
        }
    }
    // The list of modules that Terraform left on disk names a folder outside.
    let (_around, inside) = place();
    std::fs::create_dir_all(inside.join(".terraform/modules")).unwrap();
    let list =
        "{\"Modules\": [{\"Key\": \"m\", \"Source\": \"registry/x\", \"Dir\": \"../outside\"}]}";
    std::fs::write(inside.join(".terraform/modules/modules.json"), list).unwrap();
    let call = "module \"m\" {\n  source = \"registry/x\"\n}\n";
    std::fs::write(inside.join("main.tf"), call).unwrap();
    keeps_the_secret(&inside, "modules.json");
}

#[test]
fn no_template_includes_from_outside() {
    for body in [
        "Resources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: ../outside/template.yaml}\n",
        "Resources:\n  N:\n    Type: AWS::Serverless::Application\n    Properties: {Location: ../outside/template.yaml}\n",
        "Resources:\n  N:\n    Type: AWS::S3::Bucket\n    Properties:\n      Fn::Transform: {Name: AWS::Include, Parameters: {Location: ../outside/template.yaml}}\n",
        "Resources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: linked.yaml}\n",
        "Resources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'file:///etc/passwd'}\n",
    ] {
        let (_around, inside) = place();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../outside/template.yaml", inside.join("linked.yaml")).unwrap();
        let text = format!("AWSTemplateFormatVersion: '2010-09-09'\n{body}");
        std::fs::write(inside.join("template.yaml"), text).unwrap();
        keeps_the_secret(&inside, body);
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_outside() {
    use std::os::unix::fs::symlink;
    let (_around, inside) = place();
    let bucket =
        "variable \"name\" {}\nresource \"aws_s3_bucket\" \"b\" {\n  bucket = var.name\n}\n";
    std::fs::write(inside.join("main.tf"), bucket).unwrap();
    symlink("../outside/main.tf", inside.join("other.tf")).unwrap();
    symlink("../outside/prod.tfvars", inside.join("terraform.tfvars")).unwrap();
    symlink("../outside/template.yaml", inside.join("template.yaml")).unwrap();
    symlink("../outside/iaclint.toml", inside.join("iaclint.toml")).unwrap();
    symlink("../outside", inside.join("envs")).unwrap();
    std::fs::create_dir_all(inside.join(".terraform/modules")).unwrap();
    symlink(
        "../../../outside/modules.json",
        inside.join(".terraform/modules/modules.json"),
    )
    .unwrap();
    keeps_the_secret(&inside, "links");
    // Named, a link that leads out is wrong use.
    for name in ["other.tf", "template.yaml", "envs", "envs/main.tf"] {
        let output = Command::new(env!("CARGO_BIN_EXE_iaclint"))
            .args(["check", name])
            .current_dir(&inside)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("outside the read boundary"), "{name}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_passed_over() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (_around, inside) = place();
    let bucket = "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"plain\"\n}\n";
    std::fs::write(inside.join("main.tf"), bucket).unwrap();
    symlink("nowhere.tf", inside.join("broken.tf")).unwrap();
    symlink("/dev/zero", inside.join("zero.yaml")).unwrap();
    std::fs::create_dir(inside.join("folder.tf")).unwrap();
    std::fs::create_dir(inside.join("folder.json")).unwrap();
    let made = Command::new("mkfifo").arg(inside.join("pipe.tf")).status();
    assert!(made.is_ok_and(|s| s.success()), "a fifo");
    std::fs::write(inside.join("closed.tf"), bucket).unwrap();
    std::fs::set_permissions(inside.join("closed.tf"), PermissionsExt::from_mode(0o000)).unwrap();
    for (command, text) in said(&inside) {
        if command.contains("json") {
            assert!(
                text.contains("\"buckets\": 1") || text.contains("\"buckets\": 2"),
                "{text}"
            );
        }
    }
    // Named, they are wrong use, not a hang.
    for name in ["pipe.tf", "broken.tf", "zero.yaml"] {
        let status = Command::new(env!("CARGO_BIN_EXE_iaclint"))
            .args(["check", name])
            .current_dir(&inside)
            .output()
            .unwrap();
        assert_eq!(status.status.code(), Some(2), "{name}");
    }
}

/// Names that try to steer what shows them.
const HOSTILE: &[&str] = &[
    "\u{1b}[31mred\u{1b}]8;;http://x\u{7}",
    "a\r\n::error file=x::owned",
    "::set-output name=x::y",
    "%0A::stop-commands::x",
    "a\u{202e}b\u{2066}c",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "`code` | a | b",
    "```\n# heading\n```",
    "\"];x-->y[\"owned",
    "end\nsubgraph owned",
    "%%{init: {}}%%",
    "{0} {1} [a](0)",
    "$(touch /tmp/owned)`id`'; id #",
    "\u{0}\u{8}\u{9b}31m",
];

#[test]
fn names_steer_nothing() {
    for name in HOSTILE {
        let folder = tempfile::tempdir().unwrap();
        let quoted = serde_json::Value::from(*name).to_string();
        let template = format!(
            r#"{{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {{
              {quoted}: {{"Type": "AWS::S3::Bucket"}},
              "Role": {{"Type": "AWS::IAM::Role", "Metadata": {{"aws:cdk:path": {quoted}}}, "Properties": {{
                "RoleName": {quoted}, "AssumeRolePolicyDocument": {{}},
                "Policies": [{{"PolicyName": {quoted}, "PolicyDocument": {{"Statement": [{{"Sid": {quoted},
                  "Effect": "Allow", "Action": "s3:PutObject",
                  "Resource": {{"Fn::Sub": ["arn:aws:s3:::${{b}}/*", {{"b": {{"Ref": {quoted}}}}}]}}}}]}}}}]}}}},
              "Policy": {{"Type": "AWS::S3::BucketPolicy", "Properties": {{"Bucket": {{"Ref": {quoted}}},
                "PolicyDocument": {{"Statement": [{{"Sid": {quoted}, "Effect": "Deny", "Principal": "*",
                  "Action": "s3:PutObject", "Resource": "*",
                  "Condition": {{"StringNotEquals": {{"s3:x-amz-acl": {quoted}}}}}}}]}}}}}}
            }}}}"#
        );
        std::fs::write(folder.path().join("template.json"), template).unwrap();
        let mut findings = 0;
        for (command, text) in said(folder.path()) {
            for c in text.chars() {
                let bidirectional = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                assert!(
                    !bidirectional && (!c.is_control() || c == '\n' || c == '\t'),
                    "{name:?}: `{command}` writes {c:?}\n{text}"
                );
            }
            if command.ends_with("json") {
                findings += text.matches("\"rule\"").count();
            }
            if command.ends_with("github") {
                for line in text.lines().filter(|l| l.starts_with("::")) {
                    assert!(
                        ["::error ", "::warning ", "::notice "]
                            .iter()
                            .any(|k| line.starts_with(k)),
                        "{name:?}: {line}"
                    );
                }
            }
            if command.ends_with("markdown") {
                for bad in [
                    "<script",
                    "<img",
                    "](javascript:",
                    "\n# heading",
                    "\nsubgraph owned",
                    "\n%%{",
                ] {
                    assert!(
                        !text.contains(bad),
                        "{name:?}: Markdown holds {bad:?}\n{text}"
                    );
                }
            }
        }
        assert!(findings > 0, "{name:?}: nothing was shown that could steer");
    }
}
