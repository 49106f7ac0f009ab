#![no_main]

#[path = "../readers.rs"]
#[allow(dead_code, reason = "each target has one reader")]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    readers::result(bytes);
    readers::limit(bytes);
    readers::date(bytes);
});
