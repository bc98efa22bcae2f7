//! Sources that are broken, huge or malicious: each is read to an end, in time, and what is left out is said.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use iaclint::analysis::{self, Request};
use iaclint::files::Limits;
use iaclint::files::disk::DiskFiles;
use iaclint::report::Report;

/// No tree here may take longer than this, also in a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Analyses the files of a fresh folder.
fn analyse(write: impl FnOnce(&Path)) -> Report {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let files = DiskFiles::new(folder.path(), Limits::default()).unwrap();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(analysis::run(&files, &Request::default())));
    receive
        .recv_timeout(PATIENCE)
        .expect("an analysis that ends in time")
}

fn one(text: impl AsRef<[u8]>) -> Report {
    analyse(|folder| std::fs::write(folder.join("main.tf"), text).unwrap())
}

/// `what: why` of every gap.
fn gaps(report: &Report) -> String {
    let lines: Vec<String> = report
        .not_understood
        .iter()
        .map(|g| format!("{}: {}", g.what, g.why))
        .collect();
    lines.join("\n")
}

const BUCKET: &str = "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"plain\"\n}\n";

#[test]
fn a_broken_block_leaves_the_others() {
    for broken in [
        "resource \"aws_s3_bucket\" \"a\" {\n  bucket = \n}\n",
        "resource \"aws_s3_bucket\" \"a\" {\n  bucket = \"x\"\n",
        "locals {\n  a = \"never closed\n}\n",
        "locals {\n  a = <<EOT\nnever closed\n}\n",
        "}}}}\n",
        "resource \"aws_s3_bucket\" {\n  = = =\n}\n",
        "/* never closed\n",
        "\u{0}\u{1}\u{2}\n",
    ] {
        let report = one(format!("{BUCKET}{broken}"));
        assert_eq!(report.read.buckets, 1, "{broken}");
        assert!(!report.not_understood.is_empty(), "{broken}: no gap");
        // In front of the good block, all but a text without an end leave it.
        let report = one(format!("{broken}{BUCKET}"));
        assert!(
            !report.not_understood.is_empty(),
            "{broken}: no gap in front"
        );
    }
}

#[test]
fn marks_and_line_ends_of_other_systems_are_no_matter() {
    for text in [
        format!("\u{feff}{BUCKET}"),
        BUCKET.replace('\n', "\r\n"),
        format!("\u{feff}{}", BUCKET.replace('\n', "\r\n")),
        BUCKET.trim_end().to_string(),
    ] {
        let report = one(&text);
        assert_eq!(
            (report.read.buckets, gaps(&report)),
            (1, String::new()),
            "{text:?}"
        );
    }
    let report = one([0xff, 0xfe, b'a', 0]);
    assert!(gaps(&report).contains("not UTF-8"), "{}", gaps(&report));
}

#[test]
fn a_huge_file_is_left_out_and_said() {
    let report = analyse(|folder| {
        std::fs::write(folder.join("main.tf"), BUCKET).unwrap();
        let huge = std::fs::File::create(folder.join("huge.tf")).unwrap();
        huge.set_len(200 << 20).unwrap();
    });
    assert_eq!(report.read.buckets, 1);
    assert!(
        gaps(&report).contains("larger than the limit"),
        "{}",
        gaps(&report)
    );
}

#[test]
fn deep_nesting_ends() {
    let nest = |open: &str, middle: &str, close: &str, n: usize| {
        format!(
            "output \"x\" {{\n  value = {}{middle}{}\n}}\n",
            open.repeat(n),
            close.repeat(n)
        )
    };
    for n in [60, 20_000] {
        for (open, middle, close) in [
            ("[", "", "]"),
            ("(", "1", ")"),
            ("{a=", "1", "}"),
            ("\"${", "1", "}\""),
            ("!", "true", ""),
            ("true ? 1 : ", "2", ""),
            ("1 + ", "1", ""),
            ("abs(", "1", ")"),
        ] {
            let report = one(format!("{BUCKET}{}", nest(open, middle, close, n)));
            assert_eq!(report.read.buckets, 1, "{open} {n}");
            assert_eq!(
                report.not_understood.is_empty(),
                n == 60,
                "{open} {n}: {}",
                gaps(&report)
            );
        }
        let blocks = format!("{}{}", "a {\n".repeat(n), "}\n".repeat(n));
        assert_eq!(
            one(format!("{BUCKET}{blocks}")).read.buckets,
            1,
            "blocks {n}"
        );
        let json = format!(
            "{{\"output\": {{\"x\": {{\"value\": {}{}}}}}}}",
            "[".repeat(n),
            "]".repeat(n)
        );
        analyse(|folder| std::fs::write(folder.join("main.tf.json"), &json).unwrap());
    }
}

#[test]
fn chains_of_names_end() {
    for link in [
        "local.a{}",
        "[local.a{}]",
        "{ a = local.a{} }",
        "\"x${local.a{}}\"",
        "try(local.a{}, 1)",
    ] {
        let mut text = String::from("locals {\n  a0 = \"x\"\n");
        for i in 1..5000 {
            text.push_str(&format!(
                "  a{i} = {}\n",
                link.replace("{}", &(i - 1).to_string())
            ));
        }
        text.push_str("}\noutput \"x\" {\n  value = local.a4999\n}\n");
        one(text);
    }
}

#[test]
fn values_that_double_end() {
    for (link, last) in [
        ("[local.a{}, local.a{}]", "jsonencode(local.a59)"),
        ("\"${local.a{}}${local.a{}}\"", "local.a59"),
        ("concat(local.a{}, local.a{})", "length(local.a59)"),
        (
            "merge(local.a{}, { for k, v in local.a{} : \"${k}x\" => v })",
            "local.a59",
        ),
        ("var.t ? local.a{} : [local.a{}]", "jsonencode(local.a59)"),
    ] {
        let first = match link {
            l if l.starts_with("merge") => "{ a = 1 }",
            l if l.starts_with('"') => "\"x\"",
            _ => "[1]",
        };
        let mut text = format!("variable \"t\" {{}}\nlocals {{\n  a0 = {first}\n");
        for i in 1..60 {
            text.push_str(&format!(
                "  a{i} = {}\n",
                link.replace("{}", &(i - 1).to_string())
            ));
        }
        text.push_str(&format!(
            "}}\nresource \"aws_s3_bucket_policy\" \"p\" {{\n  bucket = \"b\"\n  policy = {last}\n}}\n"
        ));
        let report = one(text);
        assert!(report.read.buckets <= 1, "{link}");
    }
}

#[test]
fn huge_expansions_are_limited_and_said() {
    for multiply in [
        "count = 1000000000",
        "count = 99999999999999999999999999",
        "for_each = toset([for i in range(1023) : \"k${i}-${join(\",\", range(1000))}\"])",
        "count = length(range(1000000000))",
        "for_each = toset(range(0, 10, 0))",
        "count = length(setproduct(range(1000), range(1000), range(1000)))",
        "count = pow(10, 300)",
        "count = -5",
    ] {
        let text = format!("{BUCKET}resource \"aws_s3_bucket\" \"many\" {{\n  {multiply}\n}}\n");
        let report = one(text);
        assert!(
            report.read.buckets >= 1 && report.read.buckets <= 20_001,
            "{multiply}"
        );
    }
    let report = one("resource \"aws_s3_bucket\" \"many\" {\n  count = 1000000\n}\n");
    assert!(
        gaps(&report).contains("more than 20000 instances"),
        "{}",
        gaps(&report)
    );
}

#[test]
fn modules_and_values_in_circles_end() {
    let report = analyse(|folder| {
        for (name, other) in [("a", "../b"), ("b", "../a"), ("c", "./")] {
            std::fs::create_dir(folder.join(name)).unwrap();
            let call = format!("module \"again\" {{\n  source = \"{other}\"\n}}\n{BUCKET}");
            std::fs::write(folder.join(name).join("main.tf"), call).unwrap();
        }
    });
    assert!(gaps(&report).contains("nested deeper"), "{}", gaps(&report));
    // Each level calls the next one many times.
    analyse(|folder| {
        for level in 0..12 {
            let inside = folder.join(format!("m{level}"));
            std::fs::create_dir(&inside).unwrap();
            let call = format!("source = \"../m{}\"\n  count = 10\n", level + 1);
            let text = format!("module \"x\" {{\n  {call}}}\n{BUCKET}");
            std::fs::write(inside.join("main.tf"), text).unwrap();
        }
    });
    for circle in [
        "locals {\n  a = local.b\n  b = local.a\n}\noutput \"x\" {\n  value = local.a\n}\n",
        "variable \"v\" {\n  default = var.v\n}\noutput \"x\" {\n  value = var.v\n}\n",
        "resource \"aws_s3_bucket\" \"a\" {\n  bucket = aws_s3_bucket.a.bucket\n}\n",
        "resource \"aws_s3_bucket\" \"a\" {\n  for_each = aws_s3_bucket.a\n  bucket = each.key\n}\n",
        "resource \"aws_s3_bucket\" \"a\" {\n  count = length(aws_s3_bucket.b)\n}\nresource \"aws_s3_bucket\" \"b\" {\n  count = length(aws_s3_bucket.a)\n}\n",
        "data \"aws_iam_policy_document\" \"d\" {\n  source_policy_documents = [data.aws_iam_policy_document.d.json]\n}\noutput \"x\" {\n  value = data.aws_iam_policy_document.d.json\n}\n",
        "resource \"aws_s3_bucket\" \"a\" {\n  tags = { all = jsonencode(aws_s3_bucket.a) }\n}\n",
    ] {
        one(circle);
    }
}

#[cfg(unix)]
#[test]
fn links_in_circles_end() {
    use std::os::unix::fs::symlink;
    let report = analyse(|folder| {
        std::fs::write(folder.join("main.tf"), BUCKET).unwrap();
        symlink(folder, folder.join("self")).unwrap();
        symlink(folder.join("two.tf"), folder.join("one.tf")).unwrap();
        symlink(folder.join("one.tf"), folder.join("two.tf")).unwrap();
        symlink("/dev/zero", folder.join("zero.tf")).unwrap();
        let call = "module \"m\" {\n  source = \"./self/self\"\n}\n";
        std::fs::write(folder.join("call.tf"), call).unwrap();
        let read = "output \"x\" {\n  value = file(\"one.tf\")\n}\noutput \"y\" {\n  value = file(\"zero.tf\")\n}\n";
        std::fs::write(folder.join("read.tf"), read).unwrap();
    });
    assert!(report.read.buckets >= 1);
}

#[test]
fn templates_that_call_themselves_end() {
    analyse(|folder| {
        let call = "output \"x\" {\n  value = templatefile(\"a.tpl\", { n = 1 })\n}\n";
        std::fs::write(folder.join("main.tf"), call).unwrap();
        std::fs::write(
            folder.join("a.tpl"),
            "${templatefile(\"a.tpl\", { n = 1 })}",
        )
        .unwrap();
    });
}
