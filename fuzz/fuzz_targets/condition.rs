//! One condition against one request. Lines: operator, key, the key's value, listed values.
#![no_main]

use iaclint_fuzz::decide::{allowed, context, documents};
use serde_json::json;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (operator, key, value) = (next(), next(), next());
    let listed: Vec<&str> = lines.collect();
    let statement = |effect: &str| {
        json!({"Effect": effect, "Principal": "*", "Action": "s3:PutObject", "Resource": "*",
               "Condition": {operator: {key: listed}}})
    };
    let allow = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let known = context(key, Some(value));
    let unknown = context(key, None);
    for statements in [
        vec![statement("Allow")],
        vec![allow, statement("Deny")],
    ] {
        let set = documents(&statements);
        let [most, least] = allowed(&known, &set);
        // The unfavourable reading never allows what the favourable one refuses.
        assert!(most || !least, "{operator} {key}");
        // A verdict about an unknown value holds for this one.
        let [most_open, least_open] = allowed(&unknown, &set);
        assert!(most_open || !most, "never allowed, yet allowed: {operator} {key}");
        assert!(!least_open || least, "always allowed, yet refused: {operator} {key}");
    }
});
