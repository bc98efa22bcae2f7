//! Tables: what expressions, instances and policy documents of small modules come to.

use super::*;
use crate::files::MemoryFiles;
use crate::source::show::to_json;

fn memory(text: &str) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    files.insert("main.tf", text);
    files.insert("child/main.tf", CHILD);
    files
}

const CHILD: &str = "variable \"name\" {}
resource \"aws_s3_bucket\" \"b\" {
  bucket = var.name
}
output \"arn\" {
  value = aws_s3_bucket.b.arn
}
";

fn sources(text: &str) -> Sources {
    let mut sources = Sources::default();
    read(
        &memory(text),
        &["main.tf".into()],
        &Inputs::default(),
        &mut sources,
    );
    sources
}

/// The expression as JSON, without blanks.
fn value(text: &str, expression: &str) -> String {
    match evaluate_expression(&memory(text), "", &Inputs::default(), expression) {
        Evaluated::Value(value) => to_json(&value).to_string(),
        Evaluated::Error(message) => format!("error: {message}"),
    }
}

/// A property of a resource as JSON.
fn property(sources: &Sources, address: &str, name: &str) -> String {
    let resource = sources.resources.iter().find(|r| &*r.address == address);
    let value = resource.and_then(|r| r.properties.get(name));
    value.map_or_else(|| "none".into(), |v| to_json(v).to_string())
}

const MODULE: &str = r#"
variable "create" {}
variable "env" {}
variable "n" {}
resource "aws_s3_bucket" "b" {
  count  = var.create ? 1 : 0
  bucket = "b"
}
resource "aws_s3_bucket" "each" {
  for_each = var.create ? { a = 1, b = 2 } : { a = 3 }
  bucket   = "b-${each.value}"
  versioning {
    enabled = true
  }
}
resource "aws_s3_bucket" "some" {
  count  = var.n
  bucket = "some"
}
module "gone" {
  source = "example.com/not/here"
  count  = 2
}
module "here" {
  source   = "./child"
  for_each = toset(["x", "y"])
  name     = each.key
}
"#;

#[test]
fn references_find_their_instance() {
    for (expression, expected) in [
        ("aws_s3_bucket.b[0].bucket", r#""b""#),
        (
            "aws_s3_bucket.b.0.arn",
            r#"{"$text":[{"$ref":"aws_s3_bucket.b[0].arn"}]}"#,
        ),
        (
            "one(aws_s3_bucket.b[*].bucket)",
            r#"{"$choice":[{"when":"`var.create`","value":"b"},{"when":"not `var.create`","value":null}]}"#,
        ),
        ("try(aws_s3_bucket.b[1].arn, \"none\")", r#""none""#),
        ("try(aws_s3_bucket.nowhere.arn, \"none\")", r#""none""#),
        (
            "aws_s3_bucket.each[\"a\"].bucket",
            r#"{"$choice":[{"when":"`var.create`","value":"b-1"},{"when":"not `var.create`","value":"b-3"}]}"#,
        ),
        ("aws_s3_bucket.each[\"b\"].bucket", r#""b-2""#),
        (
            "aws_s3_bucket.each[\"b\"].versioning[0].mfa",
            r#"{"$text":[{"$ref":"aws_s3_bucket.each[\"b\"].versioning[0].mfa"}]}"#,
        ),
        (
            "module.gone[1].arn",
            r#"{"$text":[{"$ref":"module.gone[1].arn"}]}"#,
        ),
        (
            "module.here[\"y\"].arn",
            r#"{"$text":[{"$ref":"module.here[\"y\"].aws_s3_bucket.b.arn"}]}"#,
        ),
        (
            "[for m in module.here : m.arn][0]",
            r#"{"$text":[{"$ref":"module.here[\"x\"].aws_s3_bucket.b.arn"}]}"#,
        ),
        (
            "{ dev = \"d\", prod = \"p\" }[var.env]",
            r#"{"$choice":[{"when":"`var.env == \"dev\"`","value":"d"},{"when":"not `var.env == \"dev\"`","value":"p"}]}"#,
        ),
        (
            "var.create != false ? 1 : 2",
            r#"{"$choice":[{"when":"`var.create != false`","value":1},{"when":"not `var.create != false`","value":2}]}"#,
        ),
        (
            "var.create == false ? one(aws_s3_bucket.b[*].bucket) : 2",
            r#"{"$choice":[{"when":"`var.create == false`","value":null},{"when":"not `var.create == false`","value":2}]}"#,
        ),
        ("map(\"a\", list(1, 2))", r#"{"a":[1,2]}"#),
        ("0.1 + 0.2", "0.3"),
        ("0.3 * 3", "0.9"),
        ("1.5 - 0.5", "1"),
        ("true ? 1 : \"2\"", r#""1""#),
    ] {
        assert_eq!(value(MODULE, expression), expected, "{expression}");
    }
}

#[test]
fn a_count_that_is_not_known_is_no_boolean_test() {
    let sources = sources(MODULE);
    let guards = |address: &str| -> Vec<String> {
        let found = sources
            .resources
            .iter()
            .find(|r| r.address.starts_with(address))
            .unwrap();
        found
            .guards
            .iter()
            .map(|g| format!("{}: {}", g.input, g.label))
            .collect()
    };
    assert_eq!(
        guards("aws_s3_bucket.some"),
        ["count of var.n: `var.n` is not 0"]
    );
    assert_eq!(guards("aws_s3_bucket.b"), ["var.create: `var.create`"]);
    assert!(guards("aws_s3_bucket.each[\"a\"]").is_empty());
}

#[test]
fn a_heredoc_ends_at_its_mark_alone() {
    let text =
        "locals {\n  a = <<EOF\nx\nEOF\"\n  EOFX\nlast\nEOF\n  b = <<-EOT\n    y\n    EOT\n}\n";
    assert_eq!(value(text, "local.a"), r#""x\nEOF\"\n  EOFX\nlast\n""#);
    assert_eq!(value(text, "local.b"), r#""y\n""#);
}

#[test]
fn what_fails_leaves_the_rest() {
    let sources = sources(
        r#"
resource "aws_s3_bucket_policy" "p" {
  bucket = var.shared
  policy = jsonencode({ Statement = [{ Sid = "x", Resource = file("none") }], Version = "v" })
}
resource "aws_s3_bucket_policy" "q" {
  bucket = "${var.shared}-${local.shared}-${data.aws_caller_identity.me.account_id}"
}
"#,
    );
    let policy = sources
        .resources
        .first()
        .unwrap()
        .properties
        .get("policy")
        .cloned()
        .unwrap();
    let ValueKind::Json(document) = &policy.kind else {
        panic!("{policy:?}")
    };
    assert_eq!(document.get("Version").and_then(Value::as_str), Some("v"));
    let gaps: Vec<String> = sources.gaps.iter().map(|g| g.what.to_string()).collect();
    assert_eq!(
        gaps.iter().filter(|g| *g == "var.shared").count(),
        1,
        "{gaps:?}"
    );
    assert!(
        gaps.iter().any(|g| g.contains("file(\"none\")")),
        "{gaps:?}"
    );
    assert_eq!(
        property(&sources, "aws_s3_bucket_policy.q", "bucket"),
        r#"{"$text":[{"$ref":"var.shared"},"-",{"$ref":"local.shared"},"-",{"$ref":"account"}]}"#
    );
}

#[test]
fn policy_documents_are_merged_in_every_world() {
    let text = r#"
variable "doc" {}
variable "strict" {}
data "aws_iam_policy_document" "base" {
  statement {
    sid       = "own"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/&{aws:username}/*"]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["home/&{aws:username}/*"]
    }
  }
}
data "aws_iam_policy_document" "all" {
  source_policy_documents = [data.aws_iam_policy_document.base.json, var.doc]
  dynamic "statement" {
    for_each = var.strict ? [1] : []
    content {
      sid     = "own"
      effect  = "Deny"
      actions = ["s3:*"]
    }
  }
}
"#;
    let statement = r#"{"Sid":"own","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/${aws:username}/*"],"Effect":"Allow","Condition":{"StringLike":{"s3:prefix":["home/${aws:username}/*"]}}}"#;
    let files = memory(text);
    let all = "data.aws_iam_policy_document.all.json";
    let Evaluated::Value(value) = evaluate_expression(&files, "", &Inputs::default(), all) else {
        panic!("no value");
    };
    let ValueKind::Json(document) = &value.kind else {
        panic!("{value:?}")
    };
    let statements = document.get("Statement").and_then(Value::as_items).unwrap();
    let shown: Vec<String> = statements.iter().map(|s| to_json(s).to_string()).collect();
    assert_eq!(
        shown.first().unwrap(),
        &format!(
            r#"{{"$choice":[{{"when":"`var.strict`","value":{{"Sid":"own","Effect":"Deny","Action":["s3:*"]}}}},{{"when":"not `var.strict`","value":{statement}}}]}}"#
        )
    );
    assert!(
        matches!(statements.get(1).unwrap().kind, ValueKind::Unknown(_)),
        "{shown:?}"
    );
    assert_eq!(statements.len(), 2);
}

/// A root with what people write beside resources.
const WRITTEN: &str = r#"
variable "flag" {
  type = bool
}
variable "u" {}
variable "o" {
  type = object({
    a = string
    b = optional(string, "B")
    c = optional(object({ d = optional(number, 3) }), {})
    e = optional(string)
  })
  default = { a = "A" }
}
variable "n" {
  default  = "given"
  nullable = false
}
locals {
  here = <<-EOT
    one
      two ${var.u}
    three
  EOT
  strip = "a %{ if true ~}   b   %{~ else ~} c %{ endif ~}  d"
}
moved {
  from = aws_s3_bucket.old
  to   = aws_s3_bucket.b
}
import {
  to = aws_s3_bucket.b
  id = "x"
}
removed {
  from = aws_s3_bucket.gone
  lifecycle {
    destroy = false
  }
}
check "health" {
  assert {
    condition     = var.flag
    error_message = "no"
  }
}
ephemeral "aws_secretsmanager_secret_version" "s" {
  secret_id = "x"
}
data "template_file" "t" {
  template = "hello $${name}"
  vars     = { name = var.u }
}
resource "aws_s3_bucket" "b" {
  bucket = "base"
}
resource "aws_s3_bucket" "z" {
  count  = var.flag ? 1 : 0
  bucket = "z"
}
module "outer" {
  source   = "./outer"
  for_each = { p = 1 }
  name     = each.key
}
module "installed" {
  source = "example/installed/aws"
}
"#;

#[test]
fn what_people_write_is_read() {
    let mut files = MemoryFiles::new();
    files.insert("main.tf", WRITTEN);
    files.insert(
        "main_override.tf",
        "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"over\"\n}\n",
    );
    files.insert("more.tofu", "locals {\n  more = \"yes\"\n}\n");
    files.insert("child/main.tf", CHILD);
    files.insert("t.tpl", "%{ for n in names ~}\n- ${n}\n%{ endfor ~}\n");
    let outer = "variable \"name\" {}\nmodule \"inner\" {\n  source = \"../child\"\n  name = \"${var.name}-in\"\n}\noutput \"arn\" {\n  value = module.inner.arn\n}\n";
    files.insert("outer/main.tf", outer);
    files.insert("put/main.tf", "output \"v\" {\n  value = path.module\n}\n");
    let installed = r#"{"Modules": [{"Key": "installed", "Source": "s", "Dir": "put"}]}"#;
    files.insert(".terraform/modules/modules.json", installed);
    let cases = [
        (
            "local.here",
            r#"{"$text":["one\n  two ",{"$ref":"var.u"},"\nthree\n"]}"#,
        ),
        ("local.strip", r#""a bd""#),
        ("local.more", r#""yes""#),
        ("var.o", r#"{"a":"A","b":"B","c":{"d":3},"e":null}"#),
        ("aws_s3_bucket.b.bucket", r#""over""#),
        (
            "data.template_file.t.rendered",
            r#"{"$text":["hello ",{"$ref":"var.u"}]}"#,
        ),
        (
            r#"templatefile("t.tpl", { names = ["x", "y"] })"#,
            r#""- x\n- y\n""#,
        ),
        ("length([var.u, \"x\"])", "2"),
        ("startswith(\"pre-${var.u}\", \"pre-\")", "true"),
        (
            "module.outer[\"p\"].arn",
            r#"{"$text":[{"$ref":"module.outer[\"p\"].module.inner.aws_s3_bucket.b.arn"}]}"#,
        ),
        ("module.installed.v", r#""put""#),
        (
            "ephemeral.aws_secretsmanager_secret_version.s.secret_string",
            r#"{"$text":[{"$ref":"ephemeral.aws_secretsmanager_secret_version.s.secret_string"}]}"#,
        ),
        (
            "try(aws_s3_bucket.z[0].bucket, \"none\")",
            r#"{"$choice":[{"when":"`var.flag`","value":"z"},{"when":"not `var.flag`","value":"none"}]}"#,
        ),
        (
            "try(var.flag ? aws_s3_bucket.z[0].bucket : \"x\", \"none\")",
            r#"{"$choice":[{"when":"`var.flag`","value":"z"},{"when":"not `var.flag`","value":"x"}]}"#,
        ),
        (
            "can(aws_s3_bucket.z[0].bucket)",
            r#"{"$choice":[{"when":"`var.flag`","value":true},{"when":"not `var.flag`","value":false}]}"#,
        ),
        (
            "distinct([\"a\", var.u])",
            r#"{"$choice":[{"when":"`var.u == \"a\"`","value":["a"]},{"when":"not `var.u == \"a\"`","value":["a",{"$text":[{"$ref":"var.u"}]}]}]}"#,
        ),
        (
            "sort([var.u, \"b\"])[0]",
            r#"{"$choice":[{"when":"`var.u < \"b\"`","value":{"$text":[{"$ref":"var.u"}]}},{"when":"not `var.u < \"b\"`","value":"b"}]}"#,
        ),
        (
            "length(distinct([\"a\", var.u, var.n, var.o.e, var.u]))",
            r#"{"$text":[{"$ref":"length([\"a\", var.u, \"given\", null])"}]}"#,
        ),
        (
            "true ? \"x\" : [\"x\"]",
            "error: the results of the conditional are string and tuple",
        ),
    ];
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let found = match evaluate_expression(&files, "", &Inputs::default(), expression) {
            Evaluated::Value(value) => to_json(&value).to_string(),
            Evaluated::Error(message) => format!("error: {message}"),
        };
        if found != expected {
            wrong.push(format!("{expression}\n  {found}\n  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut sources = Sources::default();
    read(
        &files,
        &["main.tf".into()],
        &Inputs::default(),
        &mut sources,
    );
    assert!(sources.gaps.is_empty(), "{:?}", sources.gaps);
}

#[test]
fn a_key_that_is_written_twice_has_its_last_value() {
    let text = r#"
locals {
  condition = {
    StringEquals = { "aws:a" = "1" }
    Bool         = { "aws:b" = "1", "aws:b" = "2" }
    StringEquals = { "aws:c" = "3" }
  }
}
"#;
    let expected = r#"{"StringEquals":{"aws:c":"3"},"Bool":{"aws:b":"2"}}"#;
    assert_eq!(value(text, "local.condition"), expected);
}

/// Expressions that are evaluated for a root, and resources that it has.
fn work(text: &str) -> (u64, usize) {
    let files = memory(text);
    let mut sources = Sources::default();
    let mut loader = Loader::new(&files, &[], &mut sources);
    let mut evaluator = start(&mut loader, "", &Inputs::default(), None);
    let found = resources(&mut evaluator).len();
    (evaluator.steps, found)
}

#[test]
fn work_grows_with_the_number_of_instances() {
    let calls = |count: usize| -> String {
        let call =
            |i| format!("module \"m{i}\" {{\n  source = \"./child\"\n  name = \"b{i}\"\n}}\n");
        (0..count).map(call).collect()
    };
    let each = |count: usize| {
        format!(
            r#"
locals {{
  keys = toset([for i in range({count}) : "k${{i}}"])
}}
resource "aws_s3_bucket" "b" {{
  for_each = local.keys
  bucket   = "b-${{each.key}}"
}}
resource "aws_s3_bucket_policy" "b" {{
  for_each = aws_s3_bucket.b
  bucket   = each.value.id
  policy   = jsonencode({{ Statement = [{{ Resource = aws_s3_bucket.b[each.key].arn }}] }})
}}
"#
        )
    };
    let instances = |count: usize| {
        format!(
            "{}{}",
            each(1),
            "module \"m\" {\n  source = \"./child\"\n  count = N\n  name = count.index\n}\n"
                .replace('N', &count.to_string())
        )
    };
    for (name, few, many, times) in [
        ("calls", work(&calls(100)), work(&calls(1000)), 10),
        (
            "instances",
            work(&instances(100)),
            work(&instances(1000)),
            10,
        ),
        ("for_each", work(&each(1000)), work(&each(10_000)), 10),
    ] {
        assert!(many.1 > few.1 * (times - 1), "{name}: {few:?} {many:?}");
        let limit = few.0 * (times as u64 + 1);
        assert!(many.0 <= limit, "{name}: {few:?} {many:?}");
    }
}

#[test]
fn providers_tell_their_account() {
    for (arguments, expected) in [
        (
            r#"allowed_account_ids = ["111122223333"]"#,
            Some("111122223333"),
        ),
        (
            r#"allowed_account_ids = ["111122223333", "444455556666"]"#,
            None,
        ),
        (
            r#"assume_role { role_arn = "arn:aws:iam::111122223333:role/deploy" }"#,
            Some("111122223333"),
        ),
        // The role of a chain that is assumed last.
        (
            r#"assume_role { role_arn = "arn:aws:iam::111122223333:role/hub" }
assume_role { role_arn = "arn:aws:iam::444455556666:role/deploy" }
assume_role_with_web_identity { role_arn = "arn:aws:iam::777788889999:role/ci" }"#,
            Some("444455556666"),
        ),
        (
            r#"assume_role_with_web_identity { role_arn = "arn:aws:iam::111122223333:role/ci" }"#,
            Some("111122223333"),
        ),
        (
            r#"assume_role { role_arn = "arn:aws:iam::111122223333:role/${var.name}" }"#,
            Some("111122223333"),
        ),
        (
            r#"assume_role { role_arn = "arn:aws:iam::1111${var.name}:role/x" }"#,
            None,
        ),
    ] {
        let text = format!("variable \"name\" {{}}\nprovider \"aws\" {{\n{arguments}\n}}\n");
        let found = sources(&text);
        let scope = found.scopes.first().expect("a root module");
        let provider = scope.providers.first().expect("a provider");
        assert_eq!(provider.account.as_deref(), expected, "{arguments}");
    }
}
