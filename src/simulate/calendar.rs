//! The simulated period, which day each sample falls on, and how exports spell days.

use jiff::Span;
use jiff::civil::{Date, Weekday, date};

/// First day of every simulated period.
pub const START: Date = date(2020, 1, 1);

/// Whole months from [`START`], with the samples laid out over their days.
#[derive(Debug)]
pub struct Period {
    pub as_of: Date,
    pub months: u32,
    samples: u64,
    /// Sampling effort up to and including each day: inspectors rest at weekends.
    effort: Vec<u64>,
}

impl Period {
    pub fn new(months: u32, samples: u64) -> Period {
        let as_of = month_start(months).saturating_sub(Span::new().days(1));
        let mut effort = Vec::new();
        let (mut day, mut total) = (START, 0);
        while day <= as_of {
            total += match day.weekday() {
                Weekday::Saturday => 3,
                Weekday::Sunday => 1,
                _ => 12,
            };
            effort.push(total);
            day = plus(day, 1);
        }
        Period { as_of, months, samples, effort }
    }

    /// Year whose figures are counted.
    pub fn year(&self) -> i16 {
        self.as_of.year()
    }

    pub fn year_start(&self) -> Date {
        date(self.year(), 1, 1)
    }

    pub fn days(&self) -> u64 {
        self.effort.len() as u64
    }

    /// Day of the `index`-th sample; never earlier than that of the sample before.
    pub fn sampled_on(&self, index: u64) -> Date {
        let total = self.effort.last().copied().unwrap_or(0);
        let reached = u128::from(index) * u128::from(total) / u128::from(self.samples.max(1));
        let day = self.effort.partition_point(|effort| u128::from(*effort) <= reached);
        plus(START, day as i64)
    }

    /// Index of the first sample taken on `day` or later.
    pub fn first_from(&self, day: Date) -> u64 {
        let (mut low, mut high) = (0, self.samples);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.sampled_on(middle) < day {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Dated in the year that is counted, and known on its last simulated day.
    pub fn counts(&self, day: Date) -> bool {
        day.year() == self.year() && day <= self.as_of
    }
}

/// First day of the month that follows `START` by `months`.
pub fn month_start(months: u32) -> Date {
    START.saturating_add(Span::new().months(months.min(MAX_MONTHS)))
}

/// Longest period: the years stay four digits and within every reader's calendar.
pub const MAX_MONTHS: u32 = 600;

pub fn plus(day: Date, days: i64) -> Date {
    day.saturating_add(Span::new().days(days.clamp(-100_000, 100_000)))
}

/// `2020-05`, as file names carry it.
pub fn month_name(day: Date) -> String {
    format!("{}-{:02}", day.year(), day.month())
}

/// The spellings of a day that the exports mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// 2020-03-05
    Iso,
    /// 2020/3/5
    Slashed,
    /// 2020年3月5日
    Chinese,
}

pub fn spell(day: Date, spelling: Spelling) -> String {
    let (year, month, date) = (day.year(), day.month(), day.day());
    match spelling {
        Spelling::Iso => format!("{year}-{month:02}-{date:02}"),
        Spelling::Slashed => format!("{year}/{month}/{date}"),
        Spelling::Chinese => format!("{year}年{month}月{date}日"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_whole_months() {
        for (months, as_of, days) in [
            (1, date(2020, 1, 31), 31),
            (3, date(2020, 3, 31), 91),
            (12, date(2020, 12, 31), 366),
            (14, date(2021, 2, 28), 425),
        ] {
            let period = Period::new(months, 10);
            assert_eq!((period.as_of, period.days()), (as_of, days));
        }
    }

    #[test]
    fn samples_follow_the_days() {
        for samples in [1, 7, 50, 2760] {
            let period = Period::new(12, samples);
            let days: Vec<Date> = (0..samples).map(|index| period.sampled_on(index)).collect();
            assert!(days.is_sorted());
            assert!(days.iter().all(|day| *day >= START && *day <= period.as_of));
            for (index, day) in days.iter().enumerate() {
                let first = period.first_from(*day);
                assert!(first <= index as u64 && period.sampled_on(first) == *day);
            }
            assert_eq!(period.first_from(plus(period.as_of, 1)), samples);
        }
    }
}
