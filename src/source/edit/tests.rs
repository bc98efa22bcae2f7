//! Each change in each syntax: `«…»` marks the place, the rest is what must not move.

use super::*;
use crate::value::FileId;

/// The text after the change; `None` where it is not written.
fn changed(path: &str, marked: &str, make: &dyn Fn(Place) -> Change) -> Option<String> {
    let start = marked.find('«').unwrap();
    let end = marked.find('»').unwrap() - '«'.len_utf8();
    let text = marked.replace(['«', '»'], "");
    let mut files = FileTable::default();
    let file = files.add(SourceFile::new(path, text.as_str()));
    let place = Place::at(Span::new(file, start, end));
    let document = match text.find("<<") {
        Some(at) => Place::at(Span::new(file, at, text.len())),
        None => Place::at(Span::new(file, 0, text.len())),
    };
    let was = text.get(start..end).unwrap().trim_matches(['"', '\'']);
    let mut edits = edits(&files, &make(place), &document, Some(was))?;
    edits.sort_by_key(|e| std::cmp::Reverse((e.span.start, e.span.end)));
    let mut out = text;
    for edit in edits {
        out.replace_range(
            edit.span.start as usize..edit.span.end as usize,
            &edit.replacement,
        );
    }
    Some(out)
}

fn add(behind: Place) -> Change {
    Change::Add {
        behind,
        entries: vec![Written::Text("s3:PutObjectAcl".into())],
    }
}

fn check(make: &dyn Fn(Place) -> Change, rows: &[(&str, &str, &str)]) {
    for (path, marked, wanted) in rows {
        let found = changed(path, marked, make);
        assert_eq!(found.as_deref(), Some(*wanted), "{path}: {marked}");
        // The same with the other line end, and with a longer file around it.
        let crlf = |text: &str| text.replace('\n', "\r\n");
        let found = changed(path, &crlf(marked), make);
        assert_eq!(found, Some(crlf(wanted)), "{path}: {marked:?} with CRLF");
    }
}

#[test]
fn entries_are_added() {
    check(
        &add,
        &[
            (
                "a.tf",
                "Action = «\"s3:PutObject\"» # c\n",
                "Action = [\"s3:PutObject\", \"s3:PutObjectAcl\"] # c\n",
            ),
            (
                "a.tf",
                "{ Action: «\"s3:PutObject\"», X: 1 }",
                "{ Action: [\"s3:PutObject\", \"s3:PutObjectAcl\"], X: 1 }",
            ),
            (
                "a.tf",
                "actions = [\"s3:Get*\", «\"s3:PutObject\"»]\n",
                "actions = [\"s3:Get*\", \"s3:PutObject\", \"s3:PutObjectAcl\"]\n",
            ),
            (
                "a.tf",
                "a = [\n  «\"s3:PutObject\"», # c\n]\n",
                "a = [\n  \"s3:PutObject\", # c\n  \"s3:PutObjectAcl\",\n]\n",
            ),
            (
                "a.tf",
                "a = [\n  «\"s3:PutObject\"» # c\n]\n",
                "a = [\n  \"s3:PutObject\", # c\n  \"s3:PutObjectAcl\"\n]\n",
            ),
            (
                "a.tf",
                "p = <<EOT\n{\"Action\": «\"s3:PutObject\"»}\nEOT\n",
                "p = <<EOT\n{\"Action\": [\"s3:PutObject\", \"s3:PutObjectAcl\"]}\nEOT\n",
            ),
            (
                "t.yaml",
                "Action: «s3:PutObject» # c\n",
                "Action: [s3:PutObject, s3:PutObjectAcl] # c\n",
            ),
            (
                "t.yaml",
                "Action: «'s3:PutObject'»\n",
                "Action: ['s3:PutObject', 's3:PutObjectAcl']\n",
            ),
            (
                "t.yaml",
                "Action:\n  - s3:Get*\n  - «s3:PutObject» # c\nNext: 1\n",
                "Action:\n  - s3:Get*\n  - s3:PutObject # c\n  - s3:PutObjectAcl\nNext: 1\n",
            ),
            (
                "t.yaml",
                "- Action: [a, «s3:PutObject»]\n",
                "- Action: [a, s3:PutObject, s3:PutObjectAcl]\n",
            ),
            (
                "t.yaml",
                "S: { Action: «s3:PutObject», X: 1 }\n",
                "S: { Action: [s3:PutObject, s3:PutObjectAcl], X: 1 }\n",
            ),
            (
                "t.yaml",
                "- Action: «s3:Put*» # c\n  X: 1\n",
                "- Action:\n    - s3:Put* # c\n    - s3:PutObjectAcl\n  X: 1\n",
            ),
            (
                "t.yaml",
                "Action: [\n  «s3:PutObject»\n]\n",
                "Action: [\n  s3:PutObject,\n  s3:PutObjectAcl\n]\n",
            ),
            (
                "t.json",
                "{\n  \"Action\": «\"s3:PutObject\"»\n}\n",
                "{\n  \"Action\": [\"s3:PutObject\", \"s3:PutObjectAcl\"]\n}\n",
            ),
            (
                "t.json",
                "{\"Action\": [\n  \"a\",\n  «\"s3:PutObject\"»\n]}\n",
                "{\"Action\": [\n  \"a\",\n  \"s3:PutObject\",\n  \"s3:PutObjectAcl\"\n]}\n",
            ),
        ],
    );
}

#[test]
fn texts_grow() {
    let objects = |at| Change::Append { at, suffix: "/*" };
    check(
        &objects,
        &[
            (
                "a.tf",
                "r = «aws_s3_bucket.b.arn»\n",
                "r = \"${aws_s3_bucket.b.arn}/*\"\n",
            ),
            (
                "a.tf",
                "r = «\"${aws_s3_bucket.b.arn}\"»\n",
                "r = \"${aws_s3_bucket.b.arn}/*\"\n",
            ),
            (
                "a.tf",
                "r = [«\"arn:aws:s3:::b\"»]\n",
                "r = [\"arn:aws:s3:::b/*\"]\n",
            ),
            ("t.yaml", "R: «!GetAtt B.Arn»\n", "R: !Sub \"${B.Arn}/*\"\n"),
            (
                "t.yaml",
                "R: «!Sub \"${B.Arn}\"»\n",
                "R: !Sub \"${B.Arn}/*\"\n",
            ),
            (
                "t.yaml",
                "R: «!Sub arn:aws:s3:::${B}»\n",
                "R: !Sub \"arn:aws:s3:::${B}/*\"\n",
            ),
            (
                "t.yaml",
                "R: «!Join ['', ['arn:aws:s3:::', !Ref B]]»\n",
                "R: !Join ['', ['arn:aws:s3:::', !Ref B, \"/*\"]]\n",
            ),
            (
                "t.yaml",
                "R: «arn:aws:s3:::b»\n",
                "R: \"arn:aws:s3:::b/*\"\n",
            ),
            (
                "t.json",
                "{\"R\": «{\"Fn::GetAtt\": [\"B\", \"Arn\"]}»}",
                "{\"R\": { \"Fn::Sub\": \"${B.Arn}/*\" }}",
            ),
            (
                "t.json",
                "{\"R\": «{\"Fn::Sub\": \"${B.Arn}\"}»}",
                "{\"R\": {\"Fn::Sub\": \"${B.Arn}/*\"}}",
            ),
        ],
    );
    let partition = |at| Change::Begin {
        at,
        was: "arn:aws:",
        with: "arn:aws-cn:".into(),
    };
    check(
        &partition,
        &[
            (
                "a.tf",
                "r = «\"arn:aws:s3:::${var.b}/*\"»\n",
                "r = \"arn:aws-cn:s3:::${var.b}/*\"\n",
            ),
            (
                "t.yaml",
                "R: «!Sub \"arn:aws:s3:::${B}/*\"»\n",
                "R: !Sub \"arn:aws-cn:s3:::${B}/*\"\n",
            ),
        ],
    );
}

#[test]
fn statements_and_conditions_follow_their_neighbour() {
    let statement = |behind| Change::Statement {
        behind,
        statement: NewStatement {
            principal: None,
            actions: vec!["kms:GenerateDataKey".into()],
            resource: Written::Arn {
                address: "aws_kms_key.k".into(),
                suffix: "",
            },
        },
    };
    check(
        &statement,
        &[
            (
                "a.tf",
                "S = [\n  «{ A = 1 }»,\n]\n",
                "S = [\n  { A = 1 },\n  { Effect = \"Allow\", Action = \"kms:GenerateDataKey\", Resource = aws_kms_key.k.arn },\n]\n",
            ),
            (
                "a.tf",
                "S = [«{\n  A = 1\n}»]\n",
                "S = [{\n  A = 1\n  }, {\n  Effect   = \"Allow\"\n  Action   = \"kms:GenerateDataKey\"\n  Resource = aws_kms_key.k.arn\n}]\n",
            ),
            (
                "a.tf",
                "  «statement {\n    actions = [\"a\"]\n  }»\n}\n",
                "  statement {\n    actions = [\"a\"]\n  }\n\n  statement {\n    actions   = [\"kms:GenerateDataKey\"]\n    resources = [aws_kms_key.k.arn]\n  }\n}\n",
            ),
        ],
    );
    let in_template = |behind| match statement(behind) {
        Change::Statement { behind, statement } => Change::Statement {
            behind,
            statement: NewStatement {
                resource: Written::Arn {
                    address: "Key".into(),
                    suffix: "",
                },
                ..statement
            },
        },
        other => other,
    };
    check(
        &in_template,
        &[(
            "t.yaml",
            "S:\n  - «Effect: Allow\n    Action: a» # c\nN: 1\n",
            "S:\n  - Effect: Allow\n    Action: a # c\n  - Effect: Allow\n    Action: kms:GenerateDataKey\n    Resource: !GetAtt Key.Arn\nN: 1\n",
        )],
    );
    let condition = |key| Change::Condition {
        key,
        condition: NewCondition {
            beside: "StringNotEquals".into(),
            operator: "Null",
            key: "s3:x-amz-acl".into(),
            value: "false",
        },
    };
    check(
        &condition,
        &[
            (
                "a.tf",
                "C = { StringNotEquals = { «\"s3:x-amz-acl\"» = \"a\" } }\n",
                "C = { Null = { \"s3:x-amz-acl\" = \"false\" }, StringNotEquals = { \"s3:x-amz-acl\" = \"a\" } }\n",
            ),
            (
                "a.tf",
                "C = {\n  StringNotEquals = { «\"s3:x-amz-acl\"» = \"a\" }\n}\n",
                "C = {\n  Null            = { \"s3:x-amz-acl\" = \"false\" }\n  StringNotEquals = { \"s3:x-amz-acl\" = \"a\" }\n}\n",
            ),
            (
                "a.tf",
                "  condition {\n    test = \"StringNotEquals\"\n    variable = «\"s3:x-amz-acl\"»\n  }\n",
                "  condition {\n    test     = \"Null\"\n    variable = \"s3:x-amz-acl\"\n    values   = [\"false\"]\n  }\n\n  condition {\n    test = \"StringNotEquals\"\n    variable = \"s3:x-amz-acl\"\n  }\n",
            ),
            (
                "t.yaml",
                "C:\n  StringNotEquals:\n    «s3:x-amz-acl»: a\n",
                "C:\n  \"Null\":\n    s3:x-amz-acl: \"false\"\n  StringNotEquals:\n    s3:x-amz-acl: a\n",
            ),
            (
                "t.json",
                "{\"C\": {\n  \"StringNotEquals\": { «\"s3:x-amz-acl\"»: \"a\" }\n}}\n",
                "{\"C\": {\n  \"Null\": { \"s3:x-amz-acl\": \"false\" },\n  \"StringNotEquals\": { \"s3:x-amz-acl\": \"a\" }\n}}\n",
            ),
        ],
    );
    let send = |block| Change::Send {
        block,
        headers: vec![("x-amz-acl".into(), "private".into())],
    };
    check(
        &send,
        &[(
            "a.tf",
            "«resource \"aws_s3_object\" \"o\"» {\n  key = \"k\"\n}\n",
            "resource \"aws_s3_object\" \"o\" {\n  acl = \"private\"\n\n  key = \"k\"\n}\n",
        )],
    );
}

#[test]
fn what_is_no_literal_is_left_alone() {
    for (path, marked) in [
        // A heredoc with holes, a text that holds JSON, a block that is no scalar.
        (
            "a.tf",
            "p = <<EOT\n{\"Action\": «\"s3:PutObject\"», \"R\": \"${var.r}\"}\nEOT\n",
        ),
        ("a.tf", "x = f(«\"s3:PutObject\"»)\n"),
        ("t.yaml", "Action: «|\n  s3:PutObject»\n"),
        ("t.yaml", "Action: «&a s3:PutObject»\n"),
    ] {
        assert_eq!(changed(path, marked, &add), None, "{marked}");
    }
    let file = FileId(0);
    let mut files = FileTable::default();
    files.add(SourceFile::new("a.tf", "Action = \"s3:PutObject\"\n"));
    let literal = Place::at(Span::new(file, 9, 23));
    for step in [
        Step::Input("v".into()),
        Step::Local("l".into()),
        Step::ModuleCall("module.m".into()),
        Step::Instance("a".into()),
        Step::Function("format".into()),
        Step::Document("data.aws_iam_policy_document.d[\"x\"]".into()),
        Step::File,
    ] {
        let place = literal.through(step.clone(), literal.span);
        let found = edits(&files, &add(place), &literal, Some("s3:PutObject"));
        assert_eq!(found, None, "{step:?}");
    }
    let other = edits(
        &files,
        &add(literal.clone()),
        &literal,
        Some("s3:GetObject"),
    );
    assert_eq!(other, None, "another text stands there");
}
