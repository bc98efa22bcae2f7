//! A template, and a Terraform configuration, of arbitrary JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut text = br#"{"AWSTemplateFormatVersion":"2010-09-09","Resources":"#.to_vec();
    text.extend_from_slice(data);
    text.push(b'}');
    iaclint_fuzz::analyse(&[("template.json", &text), ("main.tf.json", data)]);
});
