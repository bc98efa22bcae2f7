//! A root module of arbitrary text.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    iaclint_fuzz::check(&iaclint_fuzz::analyse(&[("main.tf", data)]));
});
