#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire9::fuzz::rejects(data));
