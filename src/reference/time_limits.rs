use jiff::civil::Date;

use super::record::{Grade, Provenance, read};
use super::{Calendar, ReferenceError};

/// What a time limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeUnit {
    Hours,
    /// Calendar days.
    Days,
    WorkingDays,
    Months,
}

impl TimeUnit {
    fn from_word(word: &str) -> Option<TimeUnit> {
        Some(match word {
            "hours" => TimeUnit::Hours,
            "days" => TimeUnit::Days,
            "working_days" => TimeUnit::WorkingDays,
            "months" => TimeUnit::Months,
            _ => return None,
        })
    }
}

/// How long a step of sampling, testing or disposal may take, by the rules in force for a span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeLimit {
    pub step: String,
    pub name_zh: String,
    pub name_en: String,
    pub limit: u32,
    pub unit: TimeUnit,
    /// The event from which it is counted.
    pub clock_starts: String,
    pub valid_from: Option<Date>,
    pub valid_to: Option<Date>,
    pub grade: Grade,
    pub note: String,
    pub provenance: Provenance,
}

/// The time limits, looked up by step and day.
#[derive(Debug, Clone)]
pub struct TimeLimits {
    limits: Vec<TimeLimit>,
}

impl TimeLimits {
    pub(super) fn read(file: &str, text: &str) -> Result<TimeLimits, ReferenceError> {
        let limits = read(file, text, |record| {
            Ok(TimeLimit {
                step: record.required("step")?.to_owned(),
                name_zh: record.required("name_zh")?.to_owned(),
                name_en: record.required("name_en")?.to_owned(),
                limit: record.parsed("limit", "a whole number", |text| text.parse().ok())?,
                unit: record.parsed("unit", "hours, days, working_days or months", TimeUnit::from_word)?,
                clock_starts: record.required("clock_starts")?.to_owned(),
                valid_from: record.day("valid_from")?,
                valid_to: record.day("valid_to")?,
                grade: record.grade()?,
                note: record.text("note")?.to_owned(),
                provenance: record.provenance()?,
            })
        })?;
        Ok(TimeLimits { limits })
    }

    /// The limit of a step whose clock starts on the day; none where the rules of that day give no number.
    pub fn of(&self, step: &str, on: Date) -> Option<&TimeLimit> {
        self.limits.iter().find(|limit| {
            let begun = limit.valid_from.is_none_or(|first| first <= on);
            limit.step == step && begun && limit.valid_to.is_none_or(|last| on <= last)
        })
    }

    /// Last day on which a step is on time whose clock starts on `from`, that day not counted. None without a
    /// number in the rules of that day, or where working days of a year are asked for that has no notice of
    /// its holidays. Hours count as the days they end on.
    pub fn due(&self, step: &str, from: Date, calendar: &Calendar) -> Option<Date> {
        let limit = self.of(step, from)?;
        let count = i64::from(limit.limit);
        let span = match limit.unit {
            TimeUnit::WorkingDays => return calendar.add_working_days(from, limit.limit).ok(),
            TimeUnit::Hours => jiff::Span::new().try_days((count + 23) / 24),
            TimeUnit::Days => jiff::Span::new().try_days(count),
            TimeUnit::Months => jiff::Span::new().try_months(count),
        };
        from.checked_add(span.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::reference::Reference;

    #[test]
    fn the_rules_of_the_day() {
        let limits = Reference::built_in().expect("seeds").time_limits;
        for (step, on, expected) in [
            ("complete_disposal", date(2020, 6, 1), Some((90, TimeUnit::Days))),
            ("complete_disposal", date(2019, 9, 30), None),
            ("issue_report", date(2018, 6, 1), Some((20, TimeUnit::WorkingDays))),
            ("apply_reinspection", date(2019, 9, 30), Some((5, TimeUnit::WorkingDays))),
            ("apply_reinspection", date(2019, 10, 1), Some((7, TimeUnit::WorkingDays))),
            ("report_conforming", date(2018, 6, 1), Some((10, TimeUnit::WorkingDays))),
            ("report_conforming", date(2020, 6, 1), Some((7, TimeUnit::WorkingDays))),
            ("retest_agri_laboratory", date(2022, 12, 31), Some((5, TimeUnit::Days))),
            ("retest_agri_laboratory", date(2023, 1, 1), Some((5, TimeUnit::WorkingDays))),
            ("keep_backup_nonconforming", date(2020, 6, 1), Some((6, TimeUnit::Months))),
            ("take_a_nap", date(2020, 6, 1), None),
        ] {
            let found = limits.of(step, on).map(|limit| (limit.limit, limit.unit));
            assert_eq!(found, expected, "{step} on {on}");
        }
    }

    #[test]
    fn steps_are_due_in_days_of_their_kind() {
        let reference = Reference::built_in().expect("seeds");
        for (step, from, expected) in [
            ("complete_disposal", date(2020, 1, 1), Some(date(2020, 3, 31))),
            ("complete_disposal", date(2019, 9, 1), None),
            ("start_disposal", date(2020, 6, 20), Some(date(2020, 6, 25))),
            ("issue_report", date(2020, 9, 30), Some(date(2020, 11, 4))),
            ("issue_report", date(2022, 12, 20), None),
            ("report_urgent", date(2020, 2, 29), Some(date(2020, 3, 1))),
            ("keep_backup_nonconforming", date(2020, 8, 31), Some(date(2021, 2, 28))),
            ("complete_disposal", Date::MAX, None),
        ] {
            let due = reference.time_limits.due(step, from, &reference.calendar);
            assert_eq!(due, expected, "{step} from {from}");
        }
    }

    #[test]
    fn a_step_has_one_limit_on_a_day() {
        let limits = Reference::built_in().expect("seeds").time_limits.limits;
        for (index, limit) in limits.iter().enumerate() {
            for other in limits.iter().skip(index + 1).filter(|other| other.step == limit.step) {
                let (end, start) = (limit.valid_to, other.valid_from);
                assert!(end.is_some() && start > end, "{} overlaps itself", limit.step);
            }
        }
    }
}
