//! The worked decisions of the specification (`tests/decisions/worked.json`), asked of `iaclint simulate`.
//!
//! Rows that hang on more than policies (ACLs and ownership, default encryption, Block Public Access,
//! presigned and anonymous multipart uploads) are played elsewhere: 48-50, 53-58, 70-72, 75, 76, 78, 81, 84;
//! of rows 51, 52 and 59 only the KMS call is here.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn worked_decisions() {
    let text = std::fs::read_to_string("tests/decisions/worked.json").unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_iaclint"))
        .arg("simulate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(answers.len(), cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .zip(&answers)
        .filter(|(case, answer)| {
            ["decision", "blocked_by"]
                .iter()
                .any(|field| case["expect"][field] != answer[field])
        })
        .map(|(case, answer)| format!("{}: want {}, got {answer}", case["id"], case["expect"]))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
