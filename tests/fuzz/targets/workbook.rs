#![no_main]

#[path = "../readers.rs"]
#[allow(dead_code, reason = "each target has one reader")]
mod readers;

// What is no workbook is the other target's.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if !bytes.starts_with(b"PK") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    readers::file(bytes, &folder.path().join("file"));
});
