//! How the program is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|own| own == value);
    // Why, and what it costs, is told in ARCHITECTURE.md.
    let is_static = env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|own| own.contains("crt-static"));
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
