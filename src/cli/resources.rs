//! What the process has used, for the totals.

use rustix::time::{ClockId, clock_gettime};

/// What the process has used so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resources {
    /// Most bytes of memory that were resident at once (`VmHWM`); `None` where the system does not say.
    pub(super) peak_rss: Option<u64>,
    /// CPU seconds of all threads, user and system.
    pub(super) cpu_seconds: f64,
}

impl Resources {
    /// Those of this process until now.
    pub(super) fn of_process() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        #[allow(clippy::cast_precision_loss)]
        let cpu_seconds = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        Self {
            peak_rss: peak_rss(&status),
            cpu_seconds,
        }
    }
}

/// `VmHWM:     12345 kB` in bytes (the kernel's kB are 1024 bytes).
fn peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_kernels_text() {
        assert_eq!(
            peak_rss("Name:\twire9\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(peak_rss("Name:\twire9\n"), None);
        assert_eq!(peak_rss("VmHWM:\t many kB\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let used = Resources::of_process();
        assert!(used.peak_rss.is_some_and(|bytes| bytes > 100_000));
        assert!(used.cpu_seconds > 0.0);
    }
}
