//! Tables of calls as a person writes them, and the oracle's values where it is at hand.

use std::str::FromStr;

use hcl_edit::expr::Expression;

use super::*;
use crate::source::show::to_json;
use crate::value::{ScopeId, Symbol, SymbolKind};

struct NoFiles;

impl FunctionContext for NoFiles {
    fn read_file(&mut self, path: &Value) -> Result<(FileId, Arc<str>), FunctionError> {
        match path.as_str() {
            Some("p.json") => Ok((FileId(7), "  {\"a\": \"b\"}\n".into())),
            _ => Err(FunctionError::Error("no such file".into())),
        }
    }

    fn render_template(
        &mut self,
        _: FileId,
        _: Arc<str>,
        _: &Map,
        _: Span,
    ) -> Result<Value, FunctionError> {
        Err(FunctionError::Unknown("templates".into()))
    }

    fn list_files(&mut self, _: &Value) -> Result<Vec<String>, FunctionError> {
        Ok(vec!["a.json".into(), "b/c.json".into(), "b/d.txt".into()])
    }
}

fn at() -> Span {
    Span::new(FileId(0), 0, 1)
}

fn symbol(name: &str) -> Unknown {
    let (kind, subject, attribute) = match name {
        "account" => (SymbolKind::Account, "", ""),
        "region" => (SymbolKind::Region, "", ""),
        "arn" => (SymbolKind::Resource, "aws_s3_bucket.b", "arn"),
        "bucket" => (SymbolKind::Resource, "aws_s3_bucket.b", "id"),
        other => (SymbolKind::Input, other, ""),
    };
    let symbol = Symbol {
        scope: ScopeId(0),
        kind,
        subject: subject.into(),
        attribute: attribute.into(),
    };
    Unknown::symbol(symbol, format!("{name} is open"))
}

/// Evaluates literals, lists, objects, templates and calls; a bare name is a symbol. `None` for anything else.
fn evaluate(expression: &Expression) -> Option<Result<Value, FunctionError>> {
    let place = Place::at(at());
    Some(Ok(match expression {
        Expression::Null(_) => Value::null(place),
        Expression::Bool(b) => Value::bool(*b.value(), place),
        Expression::Number(n) => {
            Value::number(convert::parse_number(&n.value().to_string())?, place)
        }
        Expression::String(s) => Value::text(s.value().as_str(), place),
        Expression::Variable(name) => Value::unknown(symbol(name.as_str()), place),
        Expression::StringTemplate(template) => {
            let mut text = Text::default();
            for element in template.iter() {
                match element {
                    hcl_edit::template::Element::Literal(l) => text.push_str(l.value()),
                    hcl_edit::template::Element::Interpolation(i) => match evaluate(&i.expr)? {
                        Ok(value) => text.push(&convert::text(&value).ok()?),
                        error => return Some(error),
                    },
                    _ => return None,
                }
            }
            Value::new(pieces::kind(text), place)
        }
        Expression::Parenthesis(p) => return evaluate(p.inner()),
        Expression::UnaryOp(op) => match evaluate(&op.expr)? {
            Ok(value) => {
                let number = value.place.clone();
                match value.kind {
                    ValueKind::Number(Number::Int(n)) => Value::int(-n, number),
                    ValueKind::Number(Number::Float(n)) => Value::number(Number::Float(-n), number),
                    _ => return None,
                }
            }
            error => return Some(error),
        },
        Expression::Array(items) => {
            let mut out = Vec::new();
            for item in items.iter() {
                match evaluate(item)? {
                    Ok(value) => out.push(value),
                    error => return Some(error),
                }
            }
            Value::list(out, place)
        }
        Expression::Object(object) => {
            let mut map = Map::default();
            for (key, value) in object.iter() {
                let key = match key {
                    hcl_edit::expr::ObjectKey::Ident(name) => name.as_str().to_string(),
                    hcl_edit::expr::ObjectKey::Expression(e) => match evaluate(e)? {
                        Ok(value) => known(&convert::text(&value).ok()?).ok()?.to_string(),
                        error => return Some(error),
                    },
                };
                match evaluate(value.expr())? {
                    Ok(value) => map.insert(key, place.clone(), value),
                    error => return Some(error),
                }
            }
            Value::map(map, place)
        }
        Expression::FuncCall(f) if !matches!(f.name.name.as_str(), "try" | "can") => {
            let mut arguments = Vec::new();
            for argument in f.args.iter() {
                match evaluate(argument)? {
                    Ok(value) => arguments.push(value),
                    error => return Some(error),
                }
            }
            if f.args.expand_final() {
                let last = arguments.pop()?;
                arguments.extend_from_slice(last.as_items()?);
            }
            let name: String = f
                .name
                .namespace
                .iter()
                .map(|n| format!("{}::", n.as_str()))
                .chain([f.name.name.to_string()])
                .collect();
            return Some(call(&name, &arguments, at(), &mut NoFiles));
        }
        _ => return None,
    }))
}

fn run(text: &str) -> Option<Result<Value, FunctionError>> {
    evaluate(&Expression::from_str(text.trim()).ok()?)
}

/// The value as `eval` prints it, `!` for an error, `?` for what is not known.
fn shown(text: &str) -> String {
    match run(text) {
        Some(Ok(value)) => to_json(&value).to_string(),
        Some(Err(FunctionError::Error(_))) => "!".into(),
        Some(Err(FunctionError::Unknown(_))) => "?".into(),
        None => "not evaluated".into(),
    }
}

#[track_caller]
fn table(rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(call, want)| shown(call) != *want)
        .map(|(call, want)| format!("{call}\n  want {want}\n  got  {}", shown(call)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn agrees_with_recorded_values() {
    let Ok(folder) = std::env::var("IACLINT_ORACLE") else {
        println!("0 recorded calls ran: IACLINT_ORACLE is not set");
        return;
    };
    let lines = std::fs::read_to_string(format!("{folder}/terraform-functions.jsonl")).unwrap();
    let (mut ran, mut wrong) = (0, Vec::new());
    for line in lines.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["expr"].as_str().unwrap();
        // Names would be symbols here, these read files, and the reader of this test keeps templates as texts
        // and writes no negative zero.
        if ["var.", "local.", "template", "file", "${", "-0,"]
            .iter()
            .any(|part| text.contains(part))
        {
            continue;
        }
        let Some(result) = run(text) else { continue };
        ran += 1;
        let want = &case["expect"];
        let right = match (&result, want.get("value")) {
            (Ok(value), Some(want)) => same(&to_json(value), want),
            (Err(_), None) => true,
            (Err(FunctionError::Unknown(_)), Some(_)) => text.contains("gzip"),
            _ => false,
        };
        if !right {
            wrong.push(format!("{text}\n  want {want}\n  got  {result:?}"));
        }
    }
    println!("{ran} recorded calls ran");
    assert!(
        wrong.is_empty(),
        "{} of {ran} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => a.as_f64() == b.as_f64(),
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        _ => a == b,
    }
}

#[test]
fn known_values() {
    table(&[
        (r#"core::upper("a")"#, r#""A""#),
        (r#"nosuch(1)"#, "!"),
        (r#"upper()"#, "!"),
        (r#"join(",", [])"#, r#""""#),
        (r#"join(",", [null])"#, "!"),
        (r#"title("hello wide world")"#, r#""Hello Wide World""#),
        (r#"trim("?!hello?!", "!?")"#, r#""hello""#),
        (r#"regex("[[:alpha:]]+", "12ab")"#, r#""ab""#),
        (r#"regex("[][]+", "a[]b")"#, r#""[]""#),
        (r#"regex("(a)|(b)", "b")"#, r#"[null,"b"]"#),
        (r#"replace("a+b", "/\\+/", "-")"#, r#""a-b""#),
        (
            r#"format("%-8s|%08.3f|%x|%%", "ab", 3.14159, -255)"#,
            r#""ab      |0003.142|-ff|%""#,
        ),
        (r#"format("%[2]d %[1]q %v", "a", 7)"#, r#""7 \"a\" 7""#),
        (
            r#"format("%e %g %G", 0.00001234, 0.00001234, 1e30)"#,
            r#""1.234000e-05 1.234e-05 1E+30""#,
        ),
        (
            r#"formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "2018-01-02T23:12:01-08:00")"#,
            r#""Tuesday, 02-Jan-18 23:12:01 -0800""#,
        ),
        (
            r#"formatdate("H 'o''clock' AA", "2018-01-02T00:12:01Z")"#,
            r#""12 o'clock AM""#,
        ),
        (
            r#"timeadd("2024-02-28T23:59:59Z", "25h0.5s")"#,
            r#""2024-03-01T00:59:59.5Z""#,
        ),
        (
            r#"timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00+01:00")"#,
            "0",
        ),
        (r#"timestamp()"#, "?"),
        (
            r#"cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)"#,
            r#""fd00:fd12:3456:7800:a200::/72""#,
        ),
        (
            r#"cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)"#,
            r#""fd00:fd12:3456:7890::22""#,
        ),
        (r#"cidrnetmask("172.16.0.0/12")"#, r#""255.240.0.0""#),
        (r#"cidrhost("0.0.0.0/0", 5)"#, r#""0.0.0.5""#),
        (
            r#"csvdecode("a,b\n1,\"x, \"\"y\"\"\"\n")"#,
            r#"[{"a":"1","b":"x, \"y\""}]"#,
        ),
        (
            r#"yamlencode({a = [1, {b = "x", c = []}], d = {e = null}})"#,
            r#""\"a\":\n- 1\n- \"b\": \"x\"\n  \"c\": []\n\"d\":\n  \"e\": null\n""#,
        ),
        (
            r#"yamldecode("a: &x {k: 1}\nb: *x\nc: \"12\"\nd: 2012-10-17\n")"#,
            r#"{"a":{"k":1},"b":{"k":1},"c":"12","d":"2012-10-17"}"#,
        ),
        (
            r#"provider::aws::arn_parse("arn:aws:iam::444455556666:role/example")"#,
            r#"{"account_id":"444455556666","partition":"aws","region":"","resource":"role/example","service":"iam"}"#,
        ),
        (
            r#"provider::aws::trim_iam_role_path("arn:aws:iam::444455556666:role/with/path/example")"#,
            r#""arn:aws:iam::444455556666:role/example""#,
        ),
        (r#"range(0, 1, 0.25)"#, "[0,0.25,0.5,0.75]"),
        (r#"range(1000000)"#, "?"),
        (r#"setproduct(range(1000), range(1000))"#, "?"),
        (
            r#"indent(1000000, "a
b
c
d
e
f")"#,
            "?",
        ),
        (r#"format("%99999s", "a")"#, "?"),
        (r#"parseint("-Z", 36)"#, "-35"),
        (r#"fileset("x", "**/*.json")"#, r#"["a.json","b/c.json"]"#),
        (r#"fileexists("none")"#, "false"),
        (r#"jsondecode(file("p.json")).a"#, "not evaluated"),
        (r#"jsondecode(trimspace(file("p.json")))"#, r#"{"a":"b"}"#),
        (
            r#"setsymmetricdifference(["a","b"],["b","c"])"#,
            r#"["a","c"]"#,
        ),
        (r#"matchkeys(["i","j"],["x","y"],["y"])"#, r#"["j"]"#),
    ]);
}

#[test]
fn symbols_pass_where_nothing_depends_on_them() {
    let arn = r#"{"$ref":"aws_s3_bucket.b.arn"}"#;
    let text = |parts: &str| format!("{{\"$text\":[{parts}]}}");
    let whole = text(arn);
    let objects = text(&format!(r#"{arn},"/*""#));
    let pair = format!("[\"x\",{whole}]");
    let list = format!("[{whole},\"x\"]");
    let account = text(r#""arn:aws:iam::",{"$ref":"account"},":root""#);
    table(&[
        (r#"length([arn, x])"#, "2"),
        (r#"length(x)"#, "?"),
        (r#"concat([arn], ["x"])"#, &list),
        (r#"concat([arn], x)"#, "?"),
        (r#"flatten([["x"], [[arn]]])"#, &pair),
        (r#"flatten([["x"], x])"#, "?"),
        (r#"join("", [arn, "/*"])"#, &objects),
        (r#"format("%s/*", arn)"#, &objects),
        (r#"formatlist("%s/*", [arn])"#, &format!("[{objects}]")),
        (
            r#"formatlist("arn:aws:iam::%s:root", account)"#,
            &format!("[{account}]"),
        ),
        (r#"tostring(arn)"#, &whole),
        (r#"toset(["x", arn, "x"])"#, &pair),
        (r#"keys({a = x, b = y})"#, r#"["a","b"]"#),
        (r#"lookup({a = arn}, "a", "d")"#, &whole),
        (r#"element(["x", arn], 1)"#, &whole),
        (r#"coalesce(null, "", arn, "x")"#, &whole),
        (r#"coalesce(x, "x")"#, "?"),
        (r#"compact(["x", "", arn])"#, &pair),
        (r#"startswith(arn, "arn:")"#, "true"),
        (r#"startswith("x-${arn}", "y")"#, "false"),
        (r#"startswith(x, "y")"#, "?"),
        (r#"trimsuffix("${arn}/*", "/*")"#, &whole),
        (r#"trimprefix("x${arn}", "x")"#, &whole),
        (r#"endswith("${arn}/*", "/*")"#, "true"),
        (r#"split(":", arn)"#, "?"),
        (
            r#"split(":", "a:${account}:b")"#,
            r#"["a",{"$text":[{"$ref":"account"}]},"b"]"#,
        ),
        (r#"split("/", "a/${x}")"#, "?"),
        (
            r#"replace("A:${account}", "A:", "")"#,
            r#"{"$text":[{"$ref":"account"}]}"#,
        ),
        (r#"replace(x, "a", "b")"#, "?"),
        (
            r#"lower("A-${region}")"#,
            r#"{"$text":["a-",{"$ref":"region"}]}"#,
        ),
        (r#"contains(["a", x], "a")"#, "true"),
        (r#"contains(["a", x], "b")"#, "?"),
        (r#"contains([arn], arn)"#, "true"),
        (r#"distinct([arn, arn])"#, &format!("[{whole}]")),
        (r#"zipmap(["k"], [arn])"#, &format!("{{\"k\":{whole}}}")),
        (
            r#"merge({k = "v"}, {k = arn})"#,
            &format!("{{\"k\":{whole}}}"),
        ),
        (
            r#"jsonencode({a = "${arn}/*"})"#,
            &text(&format!(r#""{{\"a\":\"",{arn},"/*\"}}""#)),
        ),
        (
            r#"jsondecode("{\"a\": [\"${arn}\"]}")"#,
            &format!("{{\"a\":[{whole}]}}"),
        ),
        (
            r#"jsondecode(jsonencode({a = arn}))"#,
            &format!("{{\"a\":{whole}}}"),
        ),
        (r#"anytrue([x, true])"#, "true"),
        (r#"alltrue([x, true])"#, "?"),
        (r#"index(["a", x], "a")"#, "0"),
        (r#"substr("logs-${x}", 0, 4)"#, r#""logs""#),
        (
            r#"provider::aws::arn_build("aws", "iam", "", account, "root")"#,
            &account,
        ),
    ]);
}

#[test]
fn places_and_marks_survive() {
    let value = run(r#"jsondecode(trimspace(file("p.json")))"#)
        .unwrap()
        .unwrap();
    assert_eq!(
        value.get("a").unwrap().place.span,
        Span::new(FileId(7), 8, 11)
    );
    let value = run(r#"join("-", ["a", sensitive("b")])"#).unwrap().unwrap();
    assert!(value.sensitive);
    assert!(
        !run(r#"length([sensitive("b")])"#)
            .unwrap()
            .unwrap()
            .sensitive
    );
    assert!(
        !run(r#"nonsensitive(sensitive("b"))"#)
            .unwrap()
            .unwrap()
            .sensitive
    );
}

#[test]
fn choices_become_choices_of_results() {
    let place = Place::at(at());
    let arm = |arm: u32, value: Value| Arm {
        guard: crate::value::Guard {
            scope: ScopeId(0),
            input: "c".into(),
            label: "c".into(),
            arm,
            arms: 2,
        },
        value,
    };
    let list = |items: &[&str]| {
        Value::list(
            items
                .iter()
                .map(|i| Value::text(*i, place.clone()))
                .collect(),
            place.clone(),
        )
    };
    let choice = |a: Value, b: Value| {
        Value::new(
            ValueKind::Choice(Arc::new(vec![arm(1, a), arm(0, b)])),
            place.clone(),
        )
    };
    let one = choice(list(&["a"]), list(&[]));
    let two = choice(list(&["x"]), list(&["y"]));
    let value = call("concat", &[one, two], at(), &mut NoFiles).unwrap();
    let arms: Vec<String> = value
        .arms()
        .into_iter()
        .map(|(_, v)| to_json(v).to_string())
        .collect();
    assert_eq!(arms, [r#"["a","x"]"#, r#"["y"]"#]);
}
