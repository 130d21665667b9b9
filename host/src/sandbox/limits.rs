//! What a plugin may use, and the limiter that wasmtime asks before a store grows. Pure but for its own counters.
//!
//! Time is limited by epochs (`clock.rs`), output by `output.rs`, the log by `log.rs`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Table elements over all tables of one instance; each is 8 bytes of host memory. Large JavaScript engines need 20,000.
pub(super) const TABLE_ELEMENTS: usize = 100_000;
/// Core instances of one component instance. Python components have about 107.
pub(super) const CORE_INSTANCES: u32 = 256;
/// Linear memories of one component instance, and so the address space that the pool reserves for it.
pub(super) const MEMORIES: u32 = 4;
/// Tables of one component instance. Python components have one for each of their 38 modules.
pub(super) const TABLES: u32 = 128;
/// A plugin's own start: language runtimes prepare themselves in the first call.
pub(super) const DESCRIBE_TIME: Duration = Duration::from_secs(2);

/// What one call of a plugin may use. Each limit that is hit names itself in the [`Failure`](super::Failure).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, summed over all memories of the component.
    pub memory: usize,
    /// Wall time of one render, rounded up to the next 10 ms.
    pub time: Duration,
    /// Bytes of all texts that one answer contains.
    pub output: usize,
    /// Objects in one answer.
    pub objects: usize,
    /// Bytes of the log that are kept of one call.
    pub log: usize,
    /// Bytes of the component itself.
    pub component: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            time: Duration::from_millis(250),
            output: 1 << 20,
            objects: 64,
            log: 64 << 10,
            component: 64 << 20,
        }
    }
}

/// A number of bytes as people write it: `64 MiB`, `1.5 MiB`, `12 KiB`, `7 bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..1024 => return write!(f, "{} bytes", self.0),
            1024..0x10_0000 => (1 << 10, "KiB"),
            _ => (1 << 20, "MiB"),
        };
        match (self.0 / unit, self.0 % unit * 10 / unit) {
            (whole, 0) => write!(f, "{whole} {name}"),
            (whole, tenth) => write!(f, "{whole}.{tenth} {name}"),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    /// Reads a whole number with a unit as Kubernetes writes quantities: `64Mi`, `100M`, `1024`.
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is no amount of memory, such as 64Mi");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit: usize = match unit {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return Err(refused()),
        };
        number.parse().ok().and_then(|number: usize| number.checked_mul(unit)).map(Self).ok_or_else(refused)
    }
}

/// Counts what a store has and says no to more. A refused growth is remembered, so that the trap which usually follows
/// (allocators give up that way) can be told as what it is.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_limit: usize,
    memory: usize,
    table_elements: usize,
    denied: Option<Denied>,
}

/// A growth that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Bytes of memory that the component would have had in all.
    Memory(usize),
    /// Table elements that the component would have had in all.
    Table(usize),
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { memory_limit: limits.memory, memory: 0, table_elements: 0, denied: None }
    }

    /// Bytes of memory that the store has.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// The last growth that was refused.
    pub(super) fn denied(&self) -> Option<Denied> {
        self.denied
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.memory.saturating_add(desired.saturating_sub(current));
        if sum > self.memory_limit {
            self.denied = Some(Denied::Memory(sum));
            return Ok(false);
        }
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        if allowed {
            self.memory = sum;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.table_elements.saturating_add(desired.saturating_sub(current));
        if sum > TABLE_ELEMENTS {
            self.denied = Some(Denied::Table(sum));
            return Ok(false);
        }
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        if allowed {
            self.table_elements = sum;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bytes_are_written_for_people() {
        let written = [7, 1024, 1536, 64 << 20, (1 << 20) + 1, 2_200_000].map(|n| Bytes(n).to_string());
        assert_eq!(written, ["7 bytes", "1 KiB", "1.5 KiB", "64 MiB", "1 MiB", "2 MiB"]);
    }

    #[test]
    fn bytes_are_read_as_kubernetes_writes_them() {
        let read = ["64Mi", "100M", "1024"].map(|text| text.parse::<Bytes>().unwrap().0);
        assert_eq!(read, [64 << 20, 100_000_000, 1024]);
        for text in ["", "Mi", "1.5Gi", "64MB", "99999999999Gi"] {
            assert!(text.parse::<Bytes>().unwrap_err().contains("such as 64Mi"), "{text}");
        }
    }

    #[test]
    fn memories_are_summed() {
        let mut limiter = Limiter::new(&Limits { memory: 100, ..Limits::default() });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.denied(), None);
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denied::Memory(101)));
    }

    #[test]
    fn a_growth_beyond_the_modules_own_maximum_is_not_blamed_on_the_limit() {
        let mut limiter = Limiter::new(&Limits::default());
        assert!(!limiter.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(!limiter.table_growing(0, 20, Some(10)).unwrap());
        assert_eq!(limiter.denied(), None);
    }

    #[test]
    fn tables_are_summed() {
        let mut limiter = Limiter::new(&Limits::default());
        assert!(limiter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denied::Table(TABLE_ELEMENTS + 1)));
    }
}
