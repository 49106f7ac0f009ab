//! Large pieces of work side by side, without beginning one in the middle of another.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What `work` makes of each item, in the order of the items; a thread begins the next one when it is done with its own.
/// Items are made one at a time, as they are asked for.
///
/// A parallel iterator would give a thread that waits for another, in the middle of an item, a whole item more. What it has
/// begun then lies beneath that one, out of reach for the threads that run out of work. Here that may happen to more than two
/// threads while the first items are begun, and between lists that are worked on at once, and then seldom.
pub fn map<T: Send, R: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = items.into_iter();
    let most = items.size_hint().1.unwrap_or(usize::MAX);
    let lanes = rayon::current_num_threads().min(most);
    let items = Mutex::new(items.enumerate());
    let made: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let next = || lock(&items).next();
    let lane = || {
        while let Some((place, item)) = next() {
            let own = work(item);
            lock(&made).push((place, own));
        }
    };
    // All lanes are older than what is begun in the own one, and other threads take what is oldest.
    rayon::scope(|scope| {
        (1..lanes).for_each(|_| scope.spawn(|_| lane()));
        lane();
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_unstable_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, made)| made).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn each_item_is_made_once_and_in_its_place() {
        for count in [0, 1, 2, 7, 100] {
            let made = map(0..count, |item: usize| 3 * item);
            assert_eq!(made, (0..count).map(|item| 3 * item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_thread_that_waits_is_given_no_other_item() {
        thread_local!(static INSIDE: AtomicUsize = const { AtomicUsize::new(0) });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
        pool.install(|| {
            map(0..200, |_: usize| {
                INSIDE.with(|inside| assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0));
                // Halves that wait for each other, as columns of a table do.
                (0..64).into_par_iter().with_max_len(1).for_each(|_| std::thread::yield_now());
                INSIDE.with(|inside| inside.fetch_sub(1, Ordering::Relaxed));
            });
        });
    }
}
