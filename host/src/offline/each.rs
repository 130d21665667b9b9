//! The same work for each of many, on all processors. The outcomes are in the order of the input, whoever is done first.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// Is told how many of how many are done, from any thread.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Does `work` for each item.
pub(super) fn each<T: Sync, R: Send>(items: &[T], progress: Progress<'_>, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let done = AtomicUsize::new(0);
    progress(0, items.len());
    let one = |item: &T| {
        let outcome = work(item);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, items.len());
        outcome
    };
    items.par_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Mutex;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn outcomes_are_in_the_order_of_the_input_and_every_one_is_counted() {
        let items: Vec<u64> = (0..64).collect();
        let told = Mutex::new(Vec::new());
        let progress = |done, all| told.lock().unwrap().push((done, all));
        let slow_at_first = |item: &u64| {
            thread::sleep(Duration::from_micros(20 * (64 - item)));
            *item
        };
        assert_eq!(each(&items, &progress, slow_at_first), items);
        let mut told = told.into_inner().unwrap();
        told.sort_unstable();
        assert_eq!(told, (0..=64).map(|done| (done, 64)).collect::<Vec<_>>());
    }
}
