//! Large pieces of work side by side, with no thread in two of them.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// What `work` makes of each item, in the order of the items; a thread begins the next one when it is done with its own.
///
/// A parallel iterator would give a thread that waits for another, in the middle of an item, a whole item more. What it has
/// begun then lies beneath that one, out of reach for the threads that run out of work.
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let lanes = items.len().min(rayon::current_num_threads());
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = |_| {
        let mut made = Vec::new();
        while let Some((place, item)) = next() {
            made.push((place, work(item)));
        }
        made
    };
    let mut made: Vec<(usize, R)> = (0..lanes).into_par_iter().with_max_len(1).flat_map_iter(lane).collect();
    made.sort_unstable_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_item_is_made_once_and_in_its_place() {
        for count in [0, 1, 2, 7, 100] {
            let made = map((0..count).collect(), |item: usize| 3 * item);
            assert_eq!(made, (0..count).map(|item| 3 * item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_thread_that_waits_is_given_no_other_item() {
        thread_local!(static INSIDE: AtomicUsize = const { AtomicUsize::new(0) });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
        pool.install(|| {
            map((0..200).collect(), |_: usize| {
                INSIDE.with(|inside| assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0));
                // Halves that wait for each other, as columns of a table do.
                (0..64).into_par_iter().with_max_len(1).for_each(|_| std::thread::yield_now());
                INSIDE.with(|inside| inside.fetch_sub(1, Ordering::Relaxed));
            });
        });
    }
}
