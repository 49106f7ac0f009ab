//! Bounds for a process that reads or computes what strangers wrote: it gets so much memory and time and no more.

use std::io;

/// Bounds this whole process, for good: bytes of address space, seconds of processor time, and no memory dump.
///
/// # Errors
/// The operating system's; on systems without such bounds nothing is bounded.
#[cfg(unix)]
pub fn confine(memory: u64, seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)] {
        // A bound that is tighter already stays.
        let most = getrlimit(resource).maximum.map_or(most, |own| own.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn confine(_: u64, _: u64) -> io::Result<()> {
    Ok(())
}
