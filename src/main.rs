use std::process::ExitCode;

/// Why, is told in ARCHITECTURE.md.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    assay::cli::main()
}
