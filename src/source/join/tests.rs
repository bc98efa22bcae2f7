//! Reading between roots.

use super::*;
use crate::files::MemoryFiles;
use crate::source::{Inputs, terraform};

#[test]
fn attributes_are_paths() {
    let parts = |text: &str| steps(text).map(|parts| parts.join("|"));
    assert_eq!(parts("outputs.a").as_deref(), Some("outputs|a"));
    assert_eq!(
        parts("outputs.subnets[0].id").as_deref(),
        Some("outputs|subnets|0|id")
    );
    assert_eq!(
        parts("outputs[\"a-b\"].c").as_deref(),
        Some("outputs|a-b|c")
    );
    assert_eq!(parts("outputs[0"), None);
    assert_eq!(parts("a..b"), None);
}

/// What the argument `p` of `x_y.z` in `reader` is, where `other` is another root.
fn read(reader: &str, other: &str) -> String {
    let mut files = MemoryFiles::new();
    files.insert("reader/main.tf", reader);
    files.insert("other/main.tf", other);
    let paths = ["other/main.tf".into(), "reader/main.tf".into()];
    let mut sources = Sources::default();
    terraform::read(&files, &paths, &Inputs::default(), &mut sources);
    join(&mut sources);
    let resource = sources.resources.iter().find(|r| &*r.address == "x_y.z");
    let value = resource.and_then(|r| r.properties.get("p")).unwrap();
    value.as_text().map_or_else(String::new, |t| t.display())
}

#[test]
fn a_state_is_read_where_it_is_certain_which() {
    let reader = |config: &str| {
        format!(
            "data \"terraform_remote_state\" \"s\" {{\n  {config}\n}}\n\
             resource \"x_y\" \"z\" {{\n  p = \"${{data.terraform_remote_state.s.outputs.o[1].k}}!\"\n}}\n"
        )
    };
    let other = |backend: &str| {
        format!(
            "terraform {{\n  {backend}\n}}\noutput \"o\" {{\n  value = [0, {{ k = \"v\" }}]\n}}\n"
        )
    };
    let bucket = "backend = \"s3\"\n  config = {\n    bucket = \"b\"\n    key = \"k\"\n  }";
    let symbol = "${data.terraform_remote_state.s.outputs.o[1].k}!";
    for (config, backend, expected) in [
        (
            bucket,
            "backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }",
            "v!",
        ),
        (
            bucket,
            "backend \"s3\" {\n    bucket = \"b\"\n    key = \"other\"\n  }",
            symbol,
        ),
        // Its key comes from elsewhere.
        (bucket, "backend \"s3\" {\n    bucket = \"b\"\n  }", symbol),
        (bucket, "backend \"gcs\" {\n    bucket = \"b\"\n  }", symbol),
        (
            "backend = \"local\"\n  config = { path = \"../other/terraform.tfstate\" }",
            "",
            "v!",
        ),
        (
            "backend = \"local\"\n  config = { path = \"../other/x.tfstate\" }",
            "backend \"local\" {\n    path = \"x.tfstate\"\n  }",
            "v!",
        ),
        (
            "backend = \"local\"\n  config = { path = \"../other/y.tfstate\" }",
            "",
            symbol,
        ),
        // The workspace of nobody's environment.
        (
            "backend = \"local\"\n  workspace = \"prod\"\n  config = { path = \"../other/terraform.tfstate\" }",
            "",
            symbol,
        ),
    ] {
        assert_eq!(
            read(&reader(config), &other(backend)),
            expected,
            "{config} {backend}"
        );
    }
}

#[test]
fn a_stored_parameter_is_read_where_there_is_one() {
    let reader = |region: &str| {
        format!(
            "provider \"aws\" {{\n  {region}\n}}\n\
             data \"aws_ssm_parameter\" \"s\" {{\n  name = \"/n\"\n}}\n\
             resource \"x_y\" \"z\" {{\n  p = data.aws_ssm_parameter.s.value\n}}\n"
        )
    };
    let one = |name: &str| {
        format!(
            "resource \"aws_ssm_parameter\" \"{name}\" {{\n  name = \"/n\"\n  value = \"v\"\n}}\n"
        )
    };
    let home = "provider \"aws\" {\n  region = \"eu-west-1\"\n}\n";
    let symbol = "${data.aws_ssm_parameter.s.value}";
    let here = format!("{home}{}", one("a"));
    assert_eq!(read(&reader(""), &one("a")), "v");
    assert_eq!(read(&reader("region = \"eu-west-1\""), &here), "v");
    // Another Region has another one; of two, none is certain.
    assert_eq!(read(&reader("region = \"us-east-1\""), &here), symbol);
    assert_eq!(
        read(&reader(""), &format!("{}{}", one("a"), one("b"))),
        symbol
    );
}

#[test]
fn what_reads_itself_or_grows_without_end_stays_a_symbol() {
    let state = |name: &str, folder: &str| {
        format!(
            "data \"terraform_remote_state\" \"{name}\" {{\n  backend = \"local\"\n  \
             config = {{ path = \"../{folder}/terraform.tfstate\" }}\n}}\n"
        )
    };
    let reader = format!(
        "{}output \"o\" {{\n  value = data.terraform_remote_state.s.outputs.o\n}}\n\
         resource \"x_y\" \"z\" {{\n  p = data.terraform_remote_state.s.outputs.o\n}}\n",
        state("s", "other")
    );
    let other = format!(
        "{}output \"o\" {{\n  value = data.terraform_remote_state.s.outputs.o\n}}\n",
        state("s", "reader")
    );
    assert!(read(&reader, &other).starts_with("${data.terraform_remote_state.s"));
    let long = "x".repeat((1 << 20) + 1);
    let other = format!("output \"o\" {{\n  value = \"{long}\"\n}}\n");
    let reader = reader.replace(
        "p = data.terraform_remote_state.s.outputs.o",
        "p = \"-${data.terraform_remote_state.s.outputs.o}\"",
    );
    assert_eq!(
        read(&reader, &other),
        "-${data.terraform_remote_state.s.outputs.o}"
    );
}

#[test]
fn an_export_of_a_template_is_read_by_a_root() {
    let mut files = MemoryFiles::new();
    files.insert(
        "main.tf",
        "data \"aws_cloudformation_export\" \"e\" {\n  name = \"drop\"\n}\n\
         resource \"x_y\" \"z\" {\n  p = data.aws_cloudformation_export.e.value\n}\n",
    );
    files.insert(
        "template.yaml",
        "Resources:\n  Drop:\n    Type: AWS::S3::Bucket\nOutputs:\n  Drop:\n    Value: !GetAtt Drop.Arn\n    Export: { Name: drop }\n",
    );
    let mut sources = Sources::default();
    let inputs = Inputs::default();
    terraform::read(&files, &["main.tf".into()], &inputs, &mut sources);
    crate::source::cloudformation::read(&files, &["template.yaml".into()], &inputs, &mut sources);
    join(&mut sources);
    let resource = sources.resources.iter().find(|r| &*r.address == "x_y.z");
    let value = resource.and_then(|r| r.properties.get("p")).unwrap();
    assert_eq!(value.as_text().unwrap().display(), "${Drop.Arn}");
    assert_eq!(sources.joins.len(), 1);
}
