//! How the program is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|own| own == value);
    // A program that can lie anywhere has a quarter of a million addresses to be put right before it begins, on a thousand
    // pages: three of the four milliseconds that a start takes. This one begins every few minutes to answer one question,
    // and its own code is safe Rust; what it links from elsewhere (zstd) goes without addresses that nobody can guess.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
