#![no_main]

#[path = "../readers.rs"]
#[allow(dead_code, reason = "each target has one reader")]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    readers::file(bytes, &folder.path().join("file"));
});
