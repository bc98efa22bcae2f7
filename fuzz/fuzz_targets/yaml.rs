//! A template of arbitrary YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut text = b"AWSTemplateFormatVersion: '2010-09-09'\n".to_vec();
    text.extend_from_slice(data);
    iaclint_fuzz::analyse(&[("template.yaml", &text)]);
});
