use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};

use super::ReferenceError;
use super::record::{Provenance, read};

/// A working-day question about a year whose holidays are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the calendar of working days does not cover {year}; it covers {covered}")]
pub struct NotCovered {
    pub year: i16,
    /// The years it does cover, such as `2019, 2020`.
    pub covered: String,
}

/// A day that is off although it is a weekday, or worked although it is a weekend (and their like).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkdayException {
    pub name: String,
    pub is_off_day: bool,
    pub provenance: Provenance,
}

/// The working days of the covered years: weekdays, with the yearly notice's exceptions.
#[derive(Debug, Clone)]
pub struct Calendar {
    exceptions: BTreeMap<Date, WorkdayException>,
    /// A year's notice begins with New Year's Day: a year without it has no notice here, though the notice
    /// of the year after may list some of its last days.
    covered: BTreeSet<i16>,
}

impl Calendar {
    pub(super) fn read(file: &str, text: &str) -> Result<Calendar, ReferenceError> {
        let mut exceptions = BTreeMap::new();
        read(file, text, |record| {
            let day: Date = record.parsed("date", "a day such as 2020-12-31", |text| text.parse().ok())?;
            let exception = WorkdayException {
                name: record.required("name")?.to_owned(),
                is_off_day: record.parsed("is_off_day", "true or false", |text| {
                    // A spreadsheet program rewrites them in capitals.
                    text.to_ascii_lowercase().parse().ok()
                })?,
                provenance: record.provenance()?,
            };
            match exceptions.insert(day, exception) {
                Some(_) => Err(record.fault("date", "each day once")),
                None => Ok(()),
            }
        })?;
        let new_years_days = exceptions.keys().filter(|day: &&Date| day.month() == 1 && day.day() == 1);
        let covered = new_years_days.map(|day| day.year()).collect();
        Ok(Calendar { exceptions, covered })
    }

    /// # Errors
    /// [`NotCovered`] for a year without a holiday notice.
    pub fn is_working_day(&self, day: Date) -> Result<bool, NotCovered> {
        if !self.covered.contains(&day.year()) {
            let covered: Vec<String> = self.covered.iter().map(i16::to_string).collect();
            return Err(NotCovered { year: day.year(), covered: covered.join(", ") });
        }
        let is_weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        Ok(self.exceptions.get(&day).map_or(is_weekday, |exception| !exception.is_off_day))
    }

    /// The `count`-th working day after `day`, which itself is not counted; `day` for 0.
    ///
    /// # Errors
    /// [`NotCovered`] where a day on the way is in a year without a holiday notice.
    pub fn add_working_days(&self, day: Date, count: u32) -> Result<Date, NotCovered> {
        let mut day = day;
        let mut left = count;
        while left > 0 {
            day = self.day_after(day)?;
            left -= u32::from(self.is_working_day(day)?);
        }
        Ok(day)
    }

    /// Working days after `from` up to and including `to`; negative where `to` comes first.
    ///
    /// # Errors
    /// [`NotCovered`] where a day on the way is in a year without a holiday notice.
    pub fn working_days_between(&self, from: Date, to: Date) -> Result<i64, NotCovered> {
        if to < from {
            return Ok(-self.working_days_between(to, from)?);
        }
        let mut day = from;
        let mut count = 0;
        while day < to {
            day = self.day_after(day)?;
            count += i64::from(self.is_working_day(day)?);
        }
        Ok(count)
    }

    /// The exception a day is, if any.
    pub fn exception(&self, day: Date) -> Option<&WorkdayException> {
        self.exceptions.get(&day)
    }

    /// The next day; the last day there is has none, and no calendar covers its year.
    fn day_after(&self, day: Date) -> Result<Date, NotCovered> {
        day.tomorrow().map_err(|_| NotCovered { year: day.year(), covered: String::from("no such year") })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::reference::Reference;

    fn calendar() -> Calendar {
        Reference::built_in().expect("seeds").calendar
    }

    #[test]
    fn days_are_worked_or_off() {
        let calendar = calendar();
        for (day, expected) in [
            (date(2020, 6, 1), Ok(true)),
            (date(2020, 6, 6), Ok(false)),
            (date(2020, 6, 25), Ok(false)),
            (date(2020, 6, 28), Ok(true)),
            (date(2020, 1, 31), Ok(false)),
            (date(2020, 2, 3), Ok(true)),
            (date(2020, 12, 31), Ok(true)),
            (date(2019, 1, 1), Ok(false)),
            (date(2022, 12, 31), Ok(false)),
            (date(2018, 12, 29), Err(2018)),
            (date(2023, 1, 3), Err(2023)),
            (Date::MAX, Err(9999)),
        ] {
            assert_eq!(calendar.is_working_day(day).map_err(|error| error.year), expected, "{day}");
        }
    }

    #[test]
    fn working_days_add_up_and_count_back() {
        let calendar = calendar();
        for (from, count, to) in [
            (date(2020, 6, 1), 0, date(2020, 6, 1)),
            (date(2020, 6, 1), 5, date(2020, 6, 8)),
            (date(2020, 6, 6), 1, date(2020, 6, 8)),
            (date(2020, 6, 24), 1, date(2020, 6, 28)),
            (date(2020, 1, 23), 1, date(2020, 2, 3)),
            (date(2020, 9, 30), 5, date(2020, 10, 14)),
            (date(2019, 12, 31), 20, date(2020, 2, 5)),
        ] {
            assert_eq!(calendar.add_working_days(from, count), Ok(to), "{from} + {count}");
            assert_eq!(calendar.working_days_between(from, to), Ok(i64::from(count)), "{from} to {to}");
            assert_eq!(calendar.working_days_between(to, from), Ok(-i64::from(count)), "{to} to {from}");
        }
    }

    #[test]
    fn outside_the_covered_years_there_is_no_answer() {
        let calendar = calendar();
        let error = calendar.add_working_days(date(2022, 12, 28), 5).expect_err("2023");
        assert_eq!(
            error.to_string(),
            "the calendar of working days does not cover 2023; it covers 2019, 2020, 2021, 2022"
        );
        assert!(calendar.working_days_between(date(2018, 12, 20), date(2019, 1, 10)).is_err());
        assert!(calendar.add_working_days(Date::MAX, 1).is_err());
    }

    #[test]
    fn no_exception_is_idle() {
        // An exception that only repeats the weekend rule is a typing error, except inside a holiday.
        let calendar = calendar();
        let worked = calendar.exceptions.iter().filter(|(_, exception)| !exception.is_off_day);
        for (day, exception) in worked {
            let shifted_back = *day == date(2020, 2, 3);
            let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            assert!(is_weekend || shifted_back, "{day} {}", exception.name);
        }
    }
}
