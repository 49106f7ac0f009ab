use std::process::ExitCode;

/// Keeps memory in large pages where it is told to, as `.cargo/config.toml` does.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    assay::cli::main()
}
